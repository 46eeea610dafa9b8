"""Who receives the bills of a caisse: the user's table first, else the public rules [IMPL ALC, MDT; `_codes.toml`]."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from tournee.b2.model import Destination
from tournee.errors import RefusedError
from tournee_protocol.layouts.tables import codes

ANY_CENTRE = "*"


class TableRow(Protocol):
    """A row of the user's table (`tournee.transmit.directory.Destination` is one); `centre` "*" is every centre."""

    @property
    def regime(self) -> str: ...
    @property
    def caisse(self) -> str: ...
    @property
    def centre(self) -> str: ...
    @property
    def organisme_destinataire(self) -> str: ...
    @property
    def centre_informatique(self) -> str: ...


class DestinationUnknown(RefusedError):
    """No row of the table and no public rule says who receives for this caisse."""

    code = "destination"


def destination(regime: str, caisse: str, centre: str = "0000", table: Iterable[TableRow] = ()) -> Destination:
    """Destination of (régime, caisse, centre); raises DestinationUnknown."""
    rows = [r for r in table if (r.regime, r.caisse) == (regime, caisse)]
    for wanted in (centre, ANY_CENTRE):
        for row in rows:
            if row.centre == wanted:
                organisme, informatique = row.organisme_destinataire, row.centre_informatique
                return _made(regime, caisse, centre, organisme, informatique)
    informatique = codes()["centre_informatique"]
    made = informatique["test"].get(f"{regime}/{caisse}", informatique["default"])
    return _made(regime, caisse, centre, _by_rule(regime, caisse, centre), made)


def type_destinataire(regime: str) -> str:
    """Two letters of record 000, e.g. CT for régime 01; raises DestinationUnknown."""
    try:
        return str(codes()["regime_type_destinataire"][regime])
    except KeyError:
        raise _unknown(regime, "", "") from None


def numero_destinataire(made: Destination) -> str:
    """14 digits: 000000 + régime(2) + centre informatique(3) + organisme destinataire(3) [IMPL ALC]."""
    return f"000000{made.regime}{made.centre_informatique}{made.organisme_destinataire}"


def _made(regime: str, caisse: str, centre: str, organisme: str, informatique: str) -> Destination:
    return Destination(
        regime=regime,
        caisse=caisse,
        centre=centre,
        organisme_destinataire=organisme,
        centre_informatique=informatique,
    )


def _by_rule(regime: str, caisse: str, centre: str) -> str:
    _digits("caisse", caisse, 3)
    rule: dict[str, Any] | None = next((r for r in codes()["organisme"] if regime in r["regimes"]), None)
    if rule is None or rule["rule"] == "table":
        raise _unknown(regime, caisse, centre)
    if rule["rule"] == "fixed":
        return str(rule["value"])
    if exception := rule.get("except", {}).get(f"{caisse}/{centre}"):
        return str(exception)
    if (idf := rule.get("idf")) and caisse in codes()["ile_de_france"]["caisses"]:
        _digits("centre", centre, 4)
        # The organisme has 3 digits, a centre 4 of which the first is 0.
        return str(rule.get("centre_becomes", {}).get(centre, centre))[-3:] if idf == "centre" else str(idf)
    return caisse[:-1] + str(rule.get("last_digit", {}).get(caisse[-1], caisse[-1]))


def _digits(name: str, code: str, length: int) -> None:
    if not (code.isascii() and code.isdigit() and len(code) == length):
        raise DestinationUnknown(
            f"Destinataire inconnu : {name} « {code} ».", f"Un code de {name} a {length} chiffres."
        )


def _unknown(regime: str, caisse: str, centre: str) -> DestinationUnknown:
    place = " ".join(filter(None, (f"régime {regime}", caisse and f"caisse {caisse}", centre and f"centre {centre}")))
    return DestinationUnknown(
        f"Destinataire inconnu pour le {place}.",
        "Ajoutez cette caisse à l'annuaire des destinations (destinations.json).",
    )
