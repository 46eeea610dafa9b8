"""The securing mode of the invoice: which cards it needs, and what must follow it (data/modes.toml, suites.toml)."""

from __future__ import annotations

from tournee.billing.model import Mode, Origin
from tournee.billing.work import Work


def mode(w: Work) -> str:
    """The mode answered, else the one that the cards allow; a fault when it needs a Vitale that was not read."""
    chosen = str(w.ask("mode", default=Mode.SECURISE if read(w) else Mode.DEGRADE))
    row = w.tables.modes.get(chosen)
    if row is None:
        return chosen
    if row["vitale_lue"] and not read(w):
        w.fault(
            "MODE_SANS_CARTE",
            "answers.mode",
            "Ce mode demande une carte Vitale lue.",
            "insérez la carte Vitale, ou choisissez le mode dégradé ou SESAM sans Vitale",
        )
    for nom in row["suites"]:
        must_follow(w, nom)
    return chosen


def must_follow(w: Work, nom: str) -> None:
    """Tells, once, what the practitioner still has to send or to do for this bill."""
    row = w.used(w.tables.suites[nom])
    text = str(row.data["texte"])
    if all(i.text != text for i in w.informations):
        w.inform("A_FOURNIR", text)
        w.trace("A_FOURNIR", text, (row.id,))


def read(w: Work) -> bool:
    """True when the rights were read from a Vitale."""
    return w.rights.origin is Origin.CARD and bool(w.rights.beneficiaires)
