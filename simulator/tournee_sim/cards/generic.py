"""A test card of ISO 7816-4 commands alone, on T=0 and T=1: no person, no key. SIMULATION, our own profile `generic-t1`."""

from __future__ import annotations

from tournee_sim.cards.core import Card, Command, Refused, Response, Session, fids
from tournee_sim.cards.memory import CardMemory
from tournee_sim.cards.profile import Profile
from tournee_sim.cards.tpdu import parse_apdu
from tournee_sim.cards.tree import Df, Ef

CHANNELS = 4
ENVELOPE = 0xC2


class GenericCard(Card):
    """SELECT by FID, READ and UPDATE BINARY, GET CHALLENGE, four logical channels, ENVELOPE for extended commands on T=0."""

    incoming = frozenset({0xA4, 0xD6, ENVELOPE})
    classes = frozenset(range(CHANNELS)) | frozenset(range(0x10, 0x10 + CHANNELS))

    def __init__(self, card_id: str, profile: Profile, root: Df, memory: CardMemory | None = None) -> None:
        super().__init__(card_id, profile, root, memory)
        self.handlers |= {0xD6: self.update_binary, 0x70: self.manage_channel, ENVELOPE: self.envelope}
        self._channels: dict[int, Session] = {0: self.session}
        self._envelope = b""

    def on_reset(self) -> None:
        self._channels = {0: self.session}
        self._envelope = b""

    def execute(self, command: Command) -> Response:
        session = self._channels.get(command.cla & 3)
        if command.cla in self.classes and session is None:
            return Response(0x6881)
        self.session = session or self.session
        return super().execute(command)

    def select(self, command: Command) -> Response:
        """By file identifier, in the current DF or the MF."""
        (fid, *more) = fids(command.data)
        if command.p1 or more:
            raise Refused(0x6A86)
        node = self.root if fid == 0x3F00 else self.session.df.child(fid) or self.root.child(fid)
        if node is None:
            raise Refused(0x6A82)
        self.enter(node, self.session.df)
        return Response(0x9000, cost_ms=self.profile.cost_ms("select"))

    def update_binary(self, command: Command) -> Response:
        """Writes inside the current EF; what is written lasts until the card is made anew."""
        ef = self.session.ef
        if not isinstance(ef, Ef):
            raise Refused(0x6986)
        at = command.p1p2
        if command.p1 & 0x80 or at + len(command.data) > len(ef.content):
            raise Refused(0x6B00)
        ef.content = ef.content[:at] + command.data + ef.content[at + len(command.data) :]
        return Response(0x9000, cost_ms=self.profile.cost_ms("write"))

    def manage_channel(self, command: Command) -> Response:
        """`00 70 00 00 01` opens the next free channel, `00 70 80 nn` closes one [ISO 7816-4 §7.1.2]."""
        if command.p1 == 0x80 and command.p2 in self._channels and command.p2:
            del self._channels[command.p2]
            return Response(0x9000)
        if command.p1p2:
            raise Refused(0x6A86)
        free = next((n for n in range(CHANNELS) if n not in self._channels), None)
        if free is None:
            raise Refused(0x6A81)
        self._channels[free] = Session(self.root)
        return Response(0x9000, bytes([free]))

    def envelope(self, command: Command) -> Response:
        """Collects an extended command; its own Lc says when it is whole."""
        self._envelope += command.data
        whole = parse_apdu(self._envelope)
        if whole is None and len(self._envelope) < 7 + int.from_bytes(self._envelope[5:7], "big"):
            return Response(0x9000)
        self._envelope = b""
        if whole is None or whole.ins == ENVELOPE:
            raise Refused(0x6700)
        return self.execute(whole)
