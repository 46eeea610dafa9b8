"""What a reject code means and what to do: `rejets.toml`, a dated table; no official list is public."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Explication:
    """A row of `rejets.toml`, or the general advice when the code is not in it (`connu` False)."""

    code: str
    libelle: str
    a_faire: str
    renvoyer: bool  # may the invoice be corrected and sent again
    connu: bool
    simulation: bool
    source: str
    confidence: str


def expliquer(code: str) -> Explication:
    """Advice for `code` ("0250-050", "0250050", "0250"); always an answer."""
    table = _table()
    wanted = "".join(c for c in code.upper() if c.isalnum())
    for row in table:
        if row.code.replace("-", "") == wanted:
            return row
    heads = [row for row in table if row.code.replace("-", "")[:4] == wanted[:4]]
    if len(wanted) == 4 and len(heads) == 1:
        return heads[0]
    return Explication(
        code,
        "Motif non répertorié",
        "Lisez le libellé de la caisse ; en cas de doute, appelez-la avec le numéro de facture.",
        renvoyer=True,
        connu=False,
        simulation=False,
        source="",
        confidence="",
    )


@cache
def _table() -> tuple[Explication, ...]:
    document = tomllib.loads(files("tournee.transmit").joinpath("rejets.toml").read_text("utf-8"))
    return tuple(Explication(connu=True, **row) for row in document["rejet"])
