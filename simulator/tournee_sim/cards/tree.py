"""File tree of a card: dedicated files with an AID, elementary files with a read rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Rule(StrEnum):
    """Who may read an elementary file."""

    ALWAYS = "always"
    PIN = "pin"  # after the code porteur
    MUTUAL = "mutual"  # after the SV-SIM authentication of a CPS
    NEVER = "never"


@dataclass
class Ef:
    fid: int
    content: bytes
    sfi: int = 0
    read: Rule = Rule.ALWAYS
    acl: str = ""  # bytes of the contact ACL in the FCP, hex; empty: by the rule


@dataclass
class Df:
    fid: int
    aid: bytes = b""
    label: str = ""
    files: dict[int, Ef | Df] = field(default_factory=dict)

    def child(self, fid: int) -> Ef | Df | None:
        return self.files.get(fid)

    def by_sfi(self, sfi: int) -> Ef | None:
        return next((f for f in self.files.values() if isinstance(f, Ef) and f.sfi == sfi), None)

    def dfs(self) -> Iterator[Df]:
        """This one and all below it."""
        yield self
        for entry in self.files.values():
            if isinstance(entry, Df):
                yield from entry.dfs()

    def path(self, fids: list[int]) -> list[Ef | Df] | None:
        """The nodes from this DF (exclusive) along `fids`; None when one is missing."""
        nodes: list[Ef | Df] = []
        here: Ef | Df = self
        for fid in fids:
            found = here.child(fid) if isinstance(here, Df) else None
            if found is None:
                return None
            nodes.append(found)
            here = found
        return nodes
