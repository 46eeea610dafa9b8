"""The table of reject codes (`data/rejets.toml`), read by the host to explain and by the simulated funds to answer."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class CodeRejet:
    code: str  # "0250-050": code(4) - suffix(3) as printed on returns
    libelle: str
    a_faire: str
    renvoyer: bool  # may the invoice be corrected and sent again
    simulation: bool  # a code of SV-SIM, not of a real fund
    source: str
    confidence: str

    @property
    def plain(self) -> str:
        """Without the dash: "0250050"."""
        return self.code.replace("-", "")


@cache
def codes() -> dict[str, CodeRejet]:
    """Code → row, in the order of the table."""
    document = tomllib.loads(files("tournee_protocol").joinpath("data/rejets.toml").read_text("utf-8"))
    return {row["code"]: CodeRejet(**row) for row in document["rejet"]}
