"""CPS4 (ChipDoc): logical channel 1, keys 10 and 20, hash given to the signature, raw decipher for authentication [ANS card-cps4.c].

Public: AIDs, channel, MSE, PSO, algorithm numbers, PIN commands, 6881 and 6985; facts cards-and-readers §2.6. SV-SIM: file tree
(that of the CPS3), FCP, the PUK, which application the basic channel starts with.
"""

from __future__ import annotations

from tournee_sim.cards import volet
from tournee_sim.cards.core import Card, Command, Refused, Response, Session, fids
from tournee_sim.cards.cps3 import Cps3
from tournee_sim.cards.rsa import SHA1_PREFIX, SHA256_PREFIX, PaddingError
from tournee_sim.cards.tree import Df, Ef

KEY_SIGN = 0x10
KEY_AUTH = 0x20
PIN = 0x01
PUK = 0x02
PUK_TRIES = 10
AID_IDS = bytes.fromhex("A0000001510000")
"""Issuer security domain."""
_HASH_GIVEN = 0x80
_ALGORITHMS = {
    0x0A: ("sha1", 20, SHA1_PREFIX),
    0x28: ("sha256", 32, SHA256_PREFIX),
    0x15: ("sha1", 20, None),
    0x2C: ("sha256", 32, None),
}
"""Number -> hash, its size, DigestInfo prefix of PKCS#1 v1.5 (None: PSS)."""


class Cps4(Cps3):
    """`keys` by reference 10 (signature) and 20 (authentication). The PUK is the code porteur twice."""

    classes = frozenset({0x00, 0x01, 0x10, 0x11})

    def on_reset(self) -> None:
        super().on_reset()
        self._channels: dict[int, Session] = {0: self.session}
        self._applications: dict[int, str] = {0: "ids"}
        self._signing: tuple[int, int] | None = None
        self._deciphering = False
        self._puk = False

    def takes_data(self, cla: int, ins: int, p1: int, p2: int) -> bool:
        return Card.takes_data(self, cla, ins, p1, p2)

    def execute(self, command: Command) -> Response:
        channel = command.cla & 3
        if command.cla == volet.CLASS:
            return self._volet.execute(command) if self._applications.get(0) == "volet" else Response(0x6E00)
        if command.cla not in self.classes:
            return Response(0x6E00)
        if command.ins == 0x70 and channel == 0:
            return self._manage_channel(command)
        if command.ins == 0xA4 and command.p1 == 0x04:
            return self._select_application(channel, command)
        if channel not in self._channels:
            return Response(0x6881)
        if self._applications.get(channel) != "chipdoc":
            return Response(0x6985)
        self.session = self._channels[channel]
        return Card.execute(self, command)

    def verify(self, command: Command) -> Response:
        """Code porteur (01) or PUK (02); without data its counter."""
        if command.p1p2 != PUK:
            return super().verify(command)
        left = self.memory["puk_left"]
        if not command.data:
            return Response(0x9000 if self._puk else 0x63C0 | left if left else 0x6983)
        if not left:
            raise Refused(0x6983)
        self.memory.store(puk_left=left - 1)
        self._puk = command.data == self._pin * 2
        if not self._puk:
            return Response(0x63C0 | (left - 1))
        self.memory.store(puk_left=PUK_TRIES)
        return Response(0x9000)

    def change(self, command: Command) -> Response:
        """`24 01 ref new`, after the code was verified or the card unblocked; lasts until the card is made anew."""
        if command.p1p2 != 0x0100 | PIN:
            raise Refused(0x6A86)
        if not self.session.verified:
            raise Refused(0x6982)
        if len(command.data) != len(self._pin) or not command.data.isdigit():
            raise Refused(0x6A80)
        self._pin = command.data
        return Response(0x9000, cost_ms=self.profile.cost_ms("verify"))

    def unblock(self, command: Command) -> Response:
        """`2C 03 ref|80` without data, after the PUK: the tries are there again and a new code may be set."""
        if command.p1p2 != 0x0380 | PIN or command.data:
            raise Refused(0x6A86)
        if not self._puk:
            raise Refused(0x6982)
        self._puk = False
        self.memory.store(tries_left=int(self.profile.quirk("pin_tries") or 3))
        self.session.verified = True
        return Response(0x9000)

    def manage_security_environment(self, command: Command) -> Response:
        """`81 B6` `91 02 algorithm key|80` to sign a hash given, `41 B8` `83 01 20` to decipher."""
        data = command.data
        if command.p1p2 == 0x81B6:
            if len(data) != 4 or data[:2] != b"\x91\x02" or data[2] not in _ALGORITHMS:
                raise Refused(0x6A80)
            if data[3] != _HASH_GIVEN | KEY_SIGN:
                raise Refused(0x6A88)
            self._signing = (data[2], KEY_SIGN)
        elif command.p1p2 == 0x41B8:
            if data != bytes([0x83, 0x01, KEY_AUTH]):
                raise Refused(0x6A88 if data[:2] == b"\x83\x01" else 0x6A80)
            self._deciphering = True
        else:
            raise Refused(0x6A86)
        return Response(0x9000, cost_ms=self.profile.cost_ms("default"))

    def perform_security_operation(self, command: Command) -> Response:
        """`9E 9A` over the hash in the data field; `80 86` raw RSA of a whole block, padding is the host's."""
        if command.p1p2 not in (0x9E9A, 0x8086):
            raise Refused(0x6A86)
        ready = self._signing if command.p1p2 == 0x9E9A else self._deciphering
        if not ready:
            raise Refused(0x6985)
        if not self.session.verified:
            raise Refused(0x6982)
        try:
            made = self._sign_hash(command.data) if command.p1p2 == 0x9E9A else self._raw(command.data)
        except PaddingError:
            raise Refused(0x6A80) from None
        return Response(0x9000, made, self.profile.cost_ms("rsa"))

    def _sign_hash(self, digest: bytes) -> bytes:
        assert self._signing is not None
        name, size, prefix = _ALGORITHMS[self._signing[0]]
        if len(digest) != size:
            raise Refused(0x6A80)
        key = self._keys[KEY_SIGN]
        made = key.sign(prefix + digest) if prefix else key.sign_pss(digest, name)
        self.memory.count("sign")
        return made

    def _raw(self, block: bytes) -> bytes:
        made = self._keys[KEY_AUTH].raw(block)
        self.memory.count("auth")
        return made

    def _adapt(self) -> None:
        for ins in (0x88, 0xCB):  # no INTERNAL AUTHENTICATE, no security data objects
            del self.handlers[ins]
        self.handlers |= {0x24: self.change, 0x2C: self.unblock}
        self.on_reset()

    def _manage_channel(self, command: Command) -> Response:
        if command.p1p2 == 0 and command.le in (1, 256):
            if 1 in self._channels:
                return Response(0x6A81)
            self._open(1, "ids")
            return Response(0x9000, b"\x01")
        if command.p1p2 == 0x8001 and 1 in self._channels:
            del self._channels[1], self._applications[1]
            return Response(0x9000)
        return Response(0x6A86)

    def _open(self, channel: int, application: str) -> None:
        self._channels[channel] = Session(self.root)
        self._applications[channel] = application

    def _select_application(self, channel: int, command: Command) -> Response:
        """By name, which also opens channel 1; ChipDoc and its PKCS#15 application answer on that one alone."""
        if command.p2 not in (0x00, 0x04, 0x0C):
            return Response(0x6A86)
        name = command.data
        if name == AID_IDS:
            self._open(channel, "ids")
        elif name == volet.AID and channel == 0:
            self._open(0, "volet")
            self._volet.reset()
        elif channel == 1 and (df := self.find_df(name)) is not None:
            if self._applications.get(1) != "chipdoc":
                self._open(1, "chipdoc")
            self._channels[1].df, self._channels[1].ef = df, None
            if command.p2 == 0x04:
                return Response(0x9000, self._fcp(df), self.profile.cost_ms("select"))
        else:
            return Response(0x6A82)
        return Response(0x9000, cost_ms=self.profile.cost_ms("select"))

    def _find(self, command: Command) -> tuple[Ef | Df, Df]:
        """As on a CPS3; P1 00 with one FID also finds what stands in the MF, as the card's own driver counts on."""
        path = fids(command.data)
        if command.p1 == 0x00 and len(path) == 1 and self.session.df.child(path[0]) is None:
            node = self.root.child(path[0])
            if node is not None:
                return node, self.root
        return super()._find(command)
