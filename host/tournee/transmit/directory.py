"""Where a caisse's files go: `destinations.json`, given by the user, written for the simulated funds by `tournee sim fund`.

Rows {regime, caisse, centre, organisme_destinataire, centre_informatique, name, mailbox, certificate_pem, simulation};
`centre` "*" stands for every centre of the caisse. A document is {"version": 1, "destinations": [rows]}.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from tournee.b2.destinations import ANY_CENTRE, DestinationUnknown
from tournee.transmit.errors import DirectoryMalformed

VERSION: Final = 1

_PATTERNS: Final = {
    "regime": r"\d{2}",
    "caisse": r"[0-9A-Z]{3}",
    "centre": r"[0-9A-Z]{4}|\*",
    "organisme_destinataire": r"[0-9A-Z]{3}",
    "centre_informatique": r"[0-9A-Z]{3}",
    "name": r"[^\r\n]{1,80}",
    "mailbox": r"[!-?A-~]{1,64}@[!-?A-~]{1,190}",
    "certificate_pem": r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*",
}


@dataclass(frozen=True)
class Destination:
    regime: str
    caisse: str
    centre: str
    organisme_destinataire: str
    centre_informatique: str
    name: str
    mailbox: str
    certificate_pem: str
    simulation: bool

    @property
    def fichier(self) -> tuple[str, str, str]:
        """As `b2.Destination.fichier`: (régime, centre informatique, organisme destinataire) of what shares one file."""
        return self.regime, self.centre_informatique, self.organisme_destinataire


@dataclass(frozen=True)
class Directory:
    destinations: tuple[Destination, ...]

    def lookup(self, regime: str, caisse: str, centre: str) -> Destination:
        """The row of exactly this centre, else that of all centres of the caisse; raises DestinationUnknown."""
        for wanted in (centre, ANY_CENTRE):
            for row in self.destinations:
                if (row.regime, row.caisse, row.centre) == (regime, caisse, wanted):
                    return row
        raise _unknown(f"le régime {regime}, caisse {caisse}, centre {centre}")

    def receiver(self, fichier: tuple[str, str, str]) -> Destination:
        """Whose mailbox takes the file of this key (`b2.Destination.fichier`); raises DestinationUnknown."""
        for row in self.destinations:
            if row.fichier == fichier:
                return row
        raise _unknown(f"le régime {fichier[0]}, centre informatique {fichier[1]}, organisme {fichier[2]}")


def loads(text: str) -> Directory:
    """Raises DirectoryMalformed naming the row and the field."""
    remedy = "Corrigez ce champ, ou remplacez le fichier par l'annuaire fourni."
    if not text.strip():
        raise DirectoryMalformed(
            "Pas encore d'annuaire des caisses.", "Donnez-le : tournee init --destinations FICHIER"
        )
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as exc:
        raise DirectoryMalformed("destinations.json n'est pas du JSON lisible.", remedy) from exc
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise DirectoryMalformed(f"destinations.json : « version » doit valoir {VERSION}.", remedy)
    rows = document.get("destinations")
    if not isinstance(rows, list):
        raise DirectoryMalformed("destinations.json : « destinations » doit être une liste.", remedy)
    return Directory(tuple(_row(i, row, remedy) for i, row in enumerate(rows, 1)))


def _row(index: int, row: Any, remedy: str) -> Destination:
    if not isinstance(row, dict):
        raise DirectoryMalformed(f"destinations.json, ligne {index} : un objet est attendu.", remedy)
    values: dict[str, str] = {}
    for name, pattern in _PATTERNS.items():
        value = row.get(name)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise DirectoryMalformed(f"destinations.json, ligne {index} : « {name} » absent ou mal formé.", remedy)
        values[name] = value
    simulation = row.get("simulation")
    if not isinstance(simulation, bool):
        raise DirectoryMalformed(f"destinations.json, ligne {index} : « simulation » doit être true ou false.", remedy)
    return Destination(**values, simulation=simulation)


def _unknown(place: str) -> DestinationUnknown:
    return DestinationUnknown(
        f"Aucune adresse de courrier connue pour {place}.",
        "Ajoutez cette caisse à l'annuaire des destinations (destinations.json).",
    )
