"""Vitale 1 as far as a reader's inverse convention needs it: class BC, memory by words, everything else 6E00 [stackoverflow 17608930, weak].

The words hold `SIMULATION SV-SIM 1` and nothing of a person; the real map is not public.
"""

from __future__ import annotations

from tournee_sim.cards.core import Card, Command, Refused, Response
from tournee_sim.cards.memory import CardMemory
from tournee_sim.cards.profile import Profile
from tournee_sim.cards.tree import Df

FIRST_WORD, LAST_WORD = 0x0288, 0x2180
WORD_BYTES = 4
_TEXT = b"SIMULATION SV-SIM 1".ljust(20)


class Vitale1(Card):
    """`BC C0 00 00 08` production information, `BC B0 aaaa LL` memory from word aaaa."""

    classes = frozenset({0xBC})
    get_response: int | None = None  # C0 is a command of its own here

    def __init__(self, card_id: str, profile: Profile, root: Df, memory: CardMemory) -> None:
        super().__init__(card_id, profile, root, memory)
        self.handlers = {0xC0: self.production, 0xB0: self.read_memory}

    def production(self, command: Command) -> Response:
        """8 bytes, the last address among them."""
        if command.p1p2:
            raise Refused(0x6B00)
        if command.le != 8:
            raise Refused(0x6C08)
        return Response(0x9000, bytes(6) + LAST_WORD.to_bytes(2, "big"), self.profile.cost_ms("default"))

    def read_memory(self, command: Command) -> Response:
        size = command.le or 256
        last = command.p1p2 + (size - 1) // WORD_BYTES
        if not FIRST_WORD <= command.p1p2 <= last <= LAST_WORD:
            raise Refused(0x6B00)
        at = (command.p1p2 - FIRST_WORD) * WORD_BYTES
        content = (_TEXT + b"\xff" * (at + size))[at : at + size]
        return Response(0x9000, content, self.profile.cost_ms("default"))
