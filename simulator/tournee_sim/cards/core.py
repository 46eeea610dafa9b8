"""APDU level of the card OS: commands, file selection, reading, command chaining; kinds of cards add their commands.

Status words as ISO 7816-4. `execute` never raises for what a reader sends.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tournee_sim.cards.memory import CardMemory
from tournee_sim.cards.profile import Profile
from tournee_sim.cards.tree import Df, Ef, Rule
from tournee_sim.faults import Fault

CHAINED_LIMIT = 4096
"""Most bytes of a chained command; more answers 6A84."""


@dataclass(frozen=True)
class Command:
    """A command APDU; `le` None: no answer data wanted, 256 for a short Le of 00."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    le: int | None = None

    @property
    def p1p2(self) -> int:
        return self.p1 << 8 | self.p2


@dataclass(frozen=True)
class Response:
    """Answer data and status word; `cost_ms` is the card's own time."""

    sw: int
    data: bytes = b""
    cost_ms: float = 0.0


class Refused(Exception):
    """Ends a command with a status word."""

    def __init__(self, sw: int) -> None:
        super().__init__(f"{sw:04X}")
        self.sw = sw


@dataclass
class Session:
    """What a reset forgets."""

    df: Df
    ef: Ef | None = None
    verified: bool = False
    mutual: bool = False
    challenge: bytes = b""
    chain: bytearray = field(default_factory=bytearray)
    chain_header: tuple[int, int, int] | None = None


Handler = Callable[[Command], Response]


class Card:
    """A card with a file tree; subclasses name their commands in `handlers`.

    `incoming` holds the INS whose T=0 P3 announces data from the reader.
    """

    incoming: frozenset[int] = frozenset({0xA4, 0x20, 0x22, 0x2A, 0x24, 0x2C, 0x82, 0x86, 0x88, 0xCB, 0xD6, 0xDB, 0x5A})
    classes: frozenset[int] = frozenset({0x00, 0x10})
    born_with: tuple[Fault, ...] = ()  # faults that are armed when the card is put in
    get_response: int | None = 0xC0  # INS that fetches what 61xx announced on T=0; None: the card has no such command

    def __init__(self, card_id: str, profile: Profile, root: Df, memory: CardMemory | None = None) -> None:
        self.id = card_id
        self.profile = profile
        self.root = root
        self.memory = memory or CardMemory()
        self.random: Callable[[int], bytes] = os.urandom
        self.session = Session(root)
        self.handlers: dict[int, Handler] = {0xA4: self.select, 0xB0: self.read_binary, 0x84: self.get_challenge}

    @property
    def atr(self) -> bytes:
        return self.profile.atr

    def reset(self) -> None:
        """Cold or warm reset: MF selected, nothing verified."""
        self.session = Session(self.root)
        self.on_reset()

    def on_reset(self) -> None:
        """Hook for what a kind of card forgets besides."""

    def takes_data(self, cla: int, ins: int, p1: int, p2: int) -> bool:
        """Whether a T=0 header with P3 > 0 announces data from the reader."""
        return ins in self.incoming

    def announces(self, cla: int) -> tuple[int, int]:
        """SW1 of "so much data waits" and of "this length is wrong, that one is right" on T=0, for a class."""
        return 0x61, 0x6C

    def execute(self, command: Command) -> Response:
        """Run one command."""
        if command.cla not in self.classes:
            return Response(0x6E00)
        handler = self.handlers.get(command.ins)
        if handler is None:
            return Response(0x6D00)
        try:
            whole = self._unchain(command)
            return Response(0x9000) if whole is None else handler(whole)
        except Refused as refused:
            return Response(refused.sw, cost_ms=self.profile.cost_ms("default"))

    # Commands common to all kinds

    def select(self, command: Command) -> Response:
        """SELECT; each kind has its own."""
        raise NotImplementedError(f"{type(self).__name__} has no SELECT")

    def read_binary(self, command: Command) -> Response:
        """READ BINARY of the current EF or by SFI; gives what there is up to Le."""
        if command.p1 & 0x80:
            if command.p1 & 0x60:
                raise Refused(0x6A86)
            ef = self.session.df.by_sfi(command.p1 & 0x1F)
            if ef is None:
                raise Refused(0x6A82)
            self.session.ef = ef
            offset = command.p2
        else:
            ef = self.session.ef
            offset = command.p1p2
        if ef is None:
            raise Refused(0x6986)
        self.check_read(ef)
        if offset >= len(ef.content) and not (offset == 0 == len(ef.content)):
            raise Refused(0x6B00)
        size = min(command.le or 256, int(self.profile.quirk("read_max") or 256))
        return Response(0x9000, ef.content[offset : offset + size], self.profile.cost_ms("read"))

    def get_challenge(self, command: Command) -> Response:
        """8 bytes, no other size."""
        if command.p1p2:
            raise Refused(0x6A86)
        if command.le != 8:
            raise Refused(0x6C08 if command.le else 0x6700)
        self.session.challenge = self.random(8)
        return Response(0x9000, self.session.challenge, self.profile.cost_ms("default"))

    def check_read(self, ef: Ef) -> None:
        """Raises Refused(6982) unless the session may read `ef`."""
        allowed = {Rule.ALWAYS: True, Rule.PIN: self.session.verified, Rule.MUTUAL: self.session.mutual}
        if not allowed.get(ef.read, False):
            raise Refused(0x6982)

    def find_df(self, aid: bytes) -> Df | None:
        return next((df for df in self.root.dfs() if df.aid and df.aid == aid), None)

    def enter(self, node: Ef | Df, df: Df) -> None:
        """Make `node`, found in `df`, the current file."""
        if isinstance(node, Df):
            self.session.df, self.session.ef = node, None
        else:
            self.session.df, self.session.ef = df, node

    def _unchain(self, command: Command) -> Command | None:
        """The whole command once its last part is there, None before."""
        header = (command.ins, command.p1, command.p2)
        session = self.session
        if session.chain_header not in (None, header):
            session.chain.clear()
            session.chain_header = None
            raise Refused(0x6883)
        if command.cla & 0x10 and command.cla & 0xEF in self.classes:
            if len(session.chain) + len(command.data) > CHAINED_LIMIT:
                session.chain.clear()
                session.chain_header = None
                raise Refused(0x6A84)
            session.chain += command.data
            session.chain_header = header
            return None
        if session.chain_header is None:
            return command
        data = bytes(session.chain) + command.data
        session.chain.clear()
        session.chain_header = None
        return Command(command.cla, command.ins, command.p1, command.p2, data, command.le)


def fids(data: bytes) -> list[int]:
    """A path of two-byte file identifiers; raises Refused."""
    if not data or len(data) % 2:
        raise Refused(0x6A80)
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


def contents(rows: Iterable[tuple[str, bytes | None]]) -> dict[str, bytes]:
    """Contents by name, those that are None left out."""
    return {name: content for name, content in rows if content is not None}
