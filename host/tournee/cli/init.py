"""`tournee init`: reads the CPS, lets one choose what the card does not say; asks nothing that a card holds."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tournee.cli.output import console, emit, option_json

if TYPE_CHECKING:
    from tournee.practice.cabinet import Cabinet
    from tournee.transmit.settings import MailAccount

PASSWORD_VARIABLE = "TOURNEE_MAIL_PASSWORD"
_RANGES = {"facture": (1, 999_999_999), "lot": (1, 2**31), "fichier": (1, 999_999), "compostage": (1, 2**31)}


@click.command(name="init")
@click.option(
    "--situation", type=int, help="Numéro logique de la situation de facturation ; demandé s'il y en a plusieurs."
)
@click.option("--address", help="Votre adresse de messagerie de santé.")
@click.option("--smtp", metavar="HOST:PORT", help="Serveur d'envoi.")
@click.option("--pop3", metavar="HOST:PORT", help="Serveur de réception.")
@click.option(
    "--security",
    type=click.Choice(["tls", "starttls", "none"]),
    help="Des deux serveurs ; tls si rien n'a été choisi.",
)
@click.option("--user", help="Identifiant de messagerie ; par défaut l'adresse.")
@click.option(
    "--destinations",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Annuaire des caisses (destinations.json).",
)
@click.option(
    "--oct",
    "oct_mailbox",
    metavar="ADDRESS",
    help='Envoyer par un OCT, à cette adresse ; sinon directement aux caisses (--oct "" y revient).',
)
@click.option("--oct-numero", default="", help="Avec --oct : son numéro (SIREN ou association).")
@click.option(
    "--oct-certificate",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Avec --oct : son certificat (PEM).",
)
@click.option(
    "--range",
    "range_",
    metavar="FIRST-LAST",
    help="Plage de numéros de facture de cet appareil (plusieurs appareils : plages disjointes).",
)
@click.option(
    "--keyring/--passphrase",
    "keyring",
    default=None,
    help="Où garder la clé du journal ; par défaut le trousseau s'il y en a un.",
)
@option_json
def command(
    situation: int | None,
    address: str | None,
    smtp: str | None,
    pop3: str | None,
    security: str | None,
    user: str | None,
    destinations: Path | None,
    oct_mailbox: str | None,
    oct_numero: str,
    oct_certificate: Path | None,
    range_: str | None,
    keyring: bool | None,
    as_json: bool,
) -> None:
    """Configurer ce poste. Lit la CPS (code saisi sur le terminal) ; peut être refait, rien n'est perdu."""
    import asyncio

    from tournee.cards.model import CpsCard
    from tournee.cli.connect import desk_for
    from tournee.cli.office import opened
    from tournee.practice import cabinet as cabinets
    from tournee.practice.cabinet import Cabinet
    from tournee.practice.visit import praticien_of, situation_of
    from tournee.transmit.settings import MailAccount

    interactive = sys.stdin.isatty() and not as_json
    _make_key(keyring)
    with opened() as office:
        before = office.chosen

        async def read() -> CpsCard:
            async with desk_for(office) as desk:
                return await desk.open_cps()

        cps = asyncio.run(read())
        chosen = _situation(cps.situations or (), situation, interactive)
        known = before.account if before else None
        smtp_host, smtp_port = _server(
            smtp, (known.smtp_host, known.smtp_port) if known else None, "--smtp", interactive
        )
        pop3_host, pop3_port = _server(
            pop3, (known.pop3_host, known.pop3_port) if known else None, "--pop3", interactive
        )
        account = MailAccount(
            address=_asked(address, known.address if known else "", "Adresse de messagerie", "--address", interactive),
            smtp_host=smtp_host,
            smtp_port=smtp_port,
            pop3_host=pop3_host,
            pop3_port=pop3_port,
            user=user if user is not None else known.user if known else "",
            password=_password(known.password if known else "", interactive),
            **_security(security, known),
        )
        by_oct = _oct(oct_mailbox, oct_numero, oct_certificate, before)
        cabinet = Cabinet(
            praticien=praticien_of(cps),
            situation=situation_of(chosen),
            account=account,
            directory_json=_directory(destinations, before.directory_json if before else ""),
            oct_mailbox=by_oct[0],
            oct_numero=by_oct[1],
            oct_certificate_pem=by_oct[2],
            simulation=cps.simulation,
        )
        for series, (first, last) in (_RANGES | _facture_range(range_, office.journal.ranges())).items():
            office.journal.set_range(series, first, last)
        cabinets.save(office.journal, cabinet)
        ranges = office.journal.ranges()
        folder = office.folder
    specialite = _specialite(chosen.specialite)
    if as_json:
        emit(
            {
                "situation": chosen.numero_logique,
                "specialite": chosen.specialite,
                "specialite_libelle": specialite,
                "via": "oct" if cabinet.oct_mailbox else "direct",
                "facture_next": ranges["facture"][0],
                "home": str(folder),
                "simulation": cps.simulation,
            }
        )
        return
    out = console()
    p = cabinet.praticien
    out.print(
        f"[green]configuré[/]  {p.prenom} {p.nom}, {specialite}" + ("  [dim]SIMULATION[/]" if cps.simulation else "")
    )
    out.print(
        f"  situation {chosen.numero_logique} : {chosen.raison_sociale or 'sans raison sociale'}, facturation {cabinet.numero_facturation}"
    )
    out.print(
        f"  envoi {'par OCT ' + cabinet.oct_mailbox if cabinet.oct_mailbox else 'direct aux caisses'} depuis {account.address}"
    )
    out.print(f"  prochaine facture n° {ranges['facture'][0]}, données dans {folder}")
    if not cabinet.directory_json:
        out.print("  [yellow]pas encore d'annuaire des caisses[/] → tournee init --destinations FICHIER")
    out.print("Suite : tournee bill new")


def _make_key(keyring: bool | None) -> None:
    """The journal's key, once; raises UsageError when there is nowhere to keep it."""
    from tournee.cli.office import PASSPHRASE_VARIABLE, passphrase
    from tournee.errors import UsageError
    from tournee.store import home, keys

    folder = home.made(home.home())
    if (folder / "key.json").exists():
        return
    use_keyring = keyring if keyring is not None else not os.environ.get(PASSPHRASE_VARIABLE) and keys.keyring_works()
    phrase = None if use_keyring else passphrase(new=True)
    if not use_keyring and not phrase:
        raise UsageError(
            "Le journal doit être protégé : ce système n'a pas de trousseau et aucune phrase secrète n'est donnée.",
            f"Lancez la commande dans un terminal, ou donnez {PASSPHRASE_VARIABLE}.",
        )
    keys.create(folder / "key.json", os.urandom(8).hex(), phrase)


def _situation(situations: Any, wanted: int | None, interactive: bool) -> Any:
    from tournee.errors import CardError, UsageError

    if not situations:
        raise CardError(
            "Cette CPS ne porte aucune situation de facturation.", "Faites mettre votre carte à jour (ANS)."
        )
    numbers = {int(s.numero_logique): s for s in situations}
    if wanted is None and len(situations) == 1:
        return situations[0]
    if wanted is None and interactive:
        for n, s in numbers.items():
            click.echo(
                f"  {n}  {s.raison_sociale or 'sans raison sociale'}  facturation {s.numero_facturation}{s.cle_facturation}",
                err=True,
            )
        choices = click.Choice([str(n) for n in numbers])
        wanted = int(str(click.prompt("Situation de facturation", type=choices, err=True)))
    if wanted not in numbers:
        raise UsageError(
            "Choisissez la situation de facturation." if wanted is None else f"La carte n'a pas de situation {wanted}.",
            "Donnez --situation, un de : " + ", ".join(map(str, numbers)),
        )
    return numbers[wanted]


def _asked(given: str | None, known: str, prompt: str, option: str, interactive: bool) -> str:
    from tournee.errors import UsageError

    if given:
        return given
    if known:
        return known
    if interactive:
        return str(click.prompt(prompt, err=True))
    raise UsageError(f"{prompt} : manque.", f"Donnez {option}.")


def _server(given: str | None, known: tuple[str, int] | None, option: str, interactive: bool) -> tuple[str, int]:
    from tournee.errors import UsageError

    text = _asked(
        given,
        f"{known[0]}:{known[1]}" if known else "",
        f"Serveur {option[2:].upper()} (hôte:port)",
        option,
        interactive,
    )
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"{option} : « {text} » n'est pas HÔTE:PORT.", f"Exemple : {option} mail.exemple.fr:995")
    return host, int(port)


def _password(known: str, interactive: bool) -> str:
    if given := os.environ.get(PASSWORD_VARIABLE):
        return given
    if known or not interactive:
        return known
    return str(click.prompt("Mot de passe de messagerie", hide_input=True, default="", show_default=False, err=True))


def _directory(path: Path | None, known: str) -> str:
    from tournee.transmit import directory

    if path is None:
        return known
    text = path.read_text(encoding="utf-8")
    directory.loads(text)
    return text


def _security(wanted: str | None, known: MailAccount | None) -> dict[str, Any]:
    """Of SMTP and POP3; what was chosen before is kept."""
    if wanted is None and known is not None:
        return {"smtp_security": known.smtp_security, "pop3_security": known.pop3_security}
    chosen = wanted or "tls"
    return {"smtp_security": chosen, "pop3_security": "none" if chosen == "none" else "tls"}


def _oct(mailbox: str | None, numero: str, path: Path | None, before: Cabinet | None) -> tuple[str, str, str]:
    """(mailbox, number, certificate in PEM), all empty without an OCT; without --oct what was chosen before is kept."""
    from tournee.errors import UsageError

    if mailbox is None and before is not None:
        return before.oct_mailbox, before.oct_numero, before.oct_certificate_pem
    if not mailbox:
        return "", "", ""
    if path is None or not numero:
        raise UsageError("Un OCT a un numéro et un certificat.", "Donnez --oct-numero et --oct-certificate.")
    return mailbox, numero, path.read_text(encoding="ascii")


def _facture_range(text: str | None, known: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """The range asked for, else the one it has; numbers already taken stay taken."""
    from tournee.errors import UsageError

    if text is None:
        return dict(known)
    first, _, last = text.partition("-")
    if not (first.isdigit() and last.isdigit() and 0 < int(first) <= int(last) <= _RANGES["facture"][1]):
        raise UsageError(f"--range : « {text} » n'est pas une plage.", "Exemple : --range 1-99999")
    return {**known, "facture": (int(first), int(last))}


def _specialite(code: str) -> str:
    from tournee.billing.tables import tables

    row = tables().professions.get(code)
    return str(row["libelle"]) if row else f"spécialité {code}"
