"""CPS3, contact: IAS-ECC commands and quirks of the real card [ANS, OSC], SV-SIM contents where nothing is public.

Code porteur: the try is counted before it is compared. PSO HASH takes the last block and an intermediate state; only the
card finishes the hash.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from tournee_sim.cards import midstate, volet
from tournee_sim.cards.core import Card, Command, Refused, Response, fids
from tournee_sim.cards.memory import CardMemory
from tournee_sim.cards.profile import Profile
from tournee_sim.cards.rsa import SHA1_PREFIX, SHA256_PREFIX, CardKey, PaddingError
from tournee_sim.cards.tlv import TlvError, items, tlv
from tournee_sim.cards.tree import Df, Ef, Rule

PIN_REFERENCE = 0x01
KEY_SIGN = 0x81
KEY_AUTH = 0x82
_HASHES = {0x10: ("sha1", 20), 0x40: ("sha256", 32)}
_SIGNATURES = {0x12: ("sha1", SHA1_PREFIX), 0x42: ("sha256", SHA256_PREFIX)}
_RSA_PKCS = 0x02
_KEY_RULES = {KEY_SIGN: "8C06F311FFFFFF00", KEY_AUTH: "8C06F3FF1111FF00"}
"""PSO CDS, INTERNAL AUTHENTICATE, PSO DECIPHER, PUT, GET: rules pso_cds:01; int_auth:01 and pso_decrypt:01 [OSC]; bytes SV-SIM."""
_DECIPHER = (0x0A, 0x1A)


@dataclass
class _Environment:
    """Security environment: template -> (algorithm, key)."""

    hash: int = 0
    sign: tuple[int, int] = (0, 0)
    auth: tuple[int, int] = (0, 0)
    decipher: tuple[int, int] = (0, 0)
    digest: tuple[str, bytes] | None = None


class Cps3(Card):
    """`pin`: 4 digits; `keys`: by reference (0x81 signature, 0x82 authentication)."""

    def __init__(
        self,
        card_id: str,
        profile: Profile,
        root: Df,
        keys: dict[int, CardKey],
        pin: str,
        memory: CardMemory,
        old: Df | None = None,
    ) -> None:
        super().__init__(card_id, profile, root, memory)
        self._volet = volet.Volet(old or Df(0x3F00), self._try, lambda: self._old_verified)
        self._old_selected = self._old_verified = False
        self._keys = keys
        self._pin = pin.encode("ascii")
        self._environment = _Environment()
        self.handlers |= {
            0x20: self.verify,
            0x22: self.manage_security_environment,
            0x2A: self.perform_security_operation,
            0x88: self.internal_authenticate,
            0xCB: self.get_data,
        }
        self._adapt()

    def _adapt(self) -> None:
        """Hook for what another kind of CPS knows more or less."""

    def on_reset(self) -> None:
        self._environment = _Environment()
        self._old_selected = self._old_verified = False
        self._volet.reset()

    def announces(self, cla: int) -> tuple[int, int]:
        return (0x9F, 0x67) if cla == volet.CLASS else super().announces(cla)

    def execute(self, command: Command) -> Response:
        """With the volet CPS2ter, whose class is 6E00 unless it was selected, and which knows no other class."""
        if command.cla == volet.CLASS:
            return self._volet.execute(command) if self._old_selected else Response(0x6E00)
        by_name = command.ins == 0xA4 and command.p1 == 0x04 and command.cla in self.classes
        if by_name and command.data == volet.AID:
            self._old_selected = True
            self._volet.reset()
            return Response(0x9000, cost_ms=self.profile.cost_ms("select"))
        if not self._old_selected:
            return super().execute(command)
        if not by_name:
            return Response(0x6E00)
        answer = super().execute(command)
        self._old_selected = answer.sw != 0x9000
        return answer

    def takes_data(self, cla: int, ins: int, p1: int, p2: int) -> bool:
        return super().takes_data(cla, ins, p1, p2) and (ins, p1, p2) != (0x2A, 0x9E, 0x9A)

    def select(self, command: Command) -> Response:
        """P1 00 FID, 02 EF below, 04 AID, 08 path from MF, 09 path (from MF when it starts with 3F00); P2 04 FCP, 0C nothing.

        P2 00 is 6A86, but for the AID of the MF it is 9000 without data [OSC trace].
        """
        root_aid = command.p1 == 0x04 and command.data == self.root.aid
        if command.p2 not in (0x04, 0x0C) and not (root_aid and command.p2 == 0x00):
            raise Refused(0x6A86)
        node, df = self._find(command)
        self.enter(node, df)
        cost = self.profile.cost_ms("select")
        return Response(0x9000, self._fcp(node) if command.p2 == 0x04 else b"", cost)

    def verify(self, command: Command) -> Response:
        """Code porteur; without data the state: 9000 verified, 63Cx tries left, 6983 blocked."""
        if command.p1 != 0x00 or command.p2 != PIN_REFERENCE:
            raise Refused(0x6A88 if command.p1 == 0 else 0x6A86)
        left = self.memory["tries_left"]
        if not command.data:
            if self.session.verified:
                return Response(0x9000)
            return Response(0x63C0 | left if left else 0x6983, cost_ms=self.profile.cost_ms("default"))
        if left == 0:
            raise Refused(0x6983)
        if len(command.data) != len(self._pin):
            raise Refused(0x6700)
        self.session.verified = False
        wrong = self._compare(command.data)
        self.session.verified = wrong is None
        return Response(0x9000 if wrong is None else 0x63C0 | wrong, cost_ms=self.profile.cost_ms("verify"))

    def _compare(self, code: bytes) -> int | None:
        """Tries left when `code` is wrong; the try is counted before it is compared."""
        left = self.memory["tries_left"] - 1
        self.memory.store(tries_left=left, verify=self.memory["verify"] + 1)
        if not hmac.compare_digest(code, self._pin):
            return left
        self.memory.store(tries_left=int(self.profile.quirk("pin_tries") or 3))
        return None

    def _try(self, code: bytes) -> int | None:
        """The code porteur as the volet asks for it: the same code and the same counter."""
        self._old_verified = False
        left = self._compare(code) if self.memory["tries_left"] else 0
        self._old_verified = left is None
        return left

    def manage_security_environment(self, command: Command) -> Response:
        """MSE SET `22 41 AA|B6|A4|B8` with 80 algorithm and 84 (or 83) key."""
        if command.p1 != 0x41:
            raise Refused(0x6A86)
        values = dict(self._items(command.data))
        algorithm = int.from_bytes(values.get(0x80, b""), "big")
        key = int.from_bytes(values.get(0x84, values.get(0x83, b"")), "big")
        environment = self._environment
        if command.p2 == 0xAA and algorithm in _HASHES:
            environment.hash, environment.digest = algorithm, None
        elif command.p2 == 0xB6 and algorithm in _SIGNATURES and key == KEY_SIGN:
            environment.sign = (algorithm, key)
        elif command.p2 == 0xA4 and algorithm == _RSA_PKCS and key == KEY_AUTH:
            environment.auth = (algorithm, key)
        elif command.p2 == 0xB8 and algorithm in _DECIPHER and key == KEY_AUTH:
            environment.decipher = (algorithm, key)
        else:
            raise Refused(0x6A80 if command.p2 in (0xAA, 0xB6, 0xA4, 0xB8) else 0x6A86)
        return Response(0x9000, cost_ms=self.profile.cost_ms("default"))

    def perform_security_operation(self, command: Command) -> Response:
        operations = {0x90A0: self._hash, 0x9E9A: self._sign, 0x8086: self._decipher}
        operation = operations.get(command.p1p2)
        if operation is None:
            raise Refused(0x6A86)
        return operation(command)

    def internal_authenticate(self, command: Command) -> Response:
        """RSA-PKCS with CPS_PRIV_AUT over the DigestInfo given, after MSE SET AT and the code porteur."""
        if command.p1p2:
            raise Refused(0x6A86)
        key = self._key(self._environment.auth)
        self.memory.count("auth")
        try:
            return Response(0x9000, key.sign(command.data), self.profile.cost_ms("rsa"))
        except PaddingError:
            raise Refused(0x6A80) from None

    def get_data(self, command: Command) -> Response:
        """SDO `4D { 70 { BF class|80 reference … } }`, each only from the DF it belongs to (6A88 elsewhere)."""
        if command.p1p2 != 0x3FFF:
            raise Refused(0x6A86)
        wanted = command.data
        if len(wanted) < 8 or wanted[0] != 0x4D or wanted[2] != 0x70 or wanted[4] != 0xBF:
            raise Refused(0x6A80)
        if wanted[1] != len(wanted) - 2 or wanted[3] != len(wanted) - 4 or wanted[7] != len(wanted) - 8:
            raise Refused(0x6A80)
        body = self._sdo(wanted[5] & 0x7F, wanted[6], wanted[8:])
        return Response(
            0x9000, tlv(0x70, tlv(0xBF0000 | wanted[5] << 8 | wanted[6], body)), self.profile.cost_ms("read")
        )

    def _sdo(self, sdo_class: int, reference: int, tags: bytes) -> bytes:
        in_mf = self.session.df is self.root
        left = self.memory["tries_left"]
        if sdo_class == 0x01 and in_mf:
            if tags == bytes.fromhex("A080") and reference == PIN_REFERENCE:
                tries = tlv(0x9A, b"\x03") + tlv(0x9B, bytes([left]))
                return tlv(0xA0, tries, tlv(0xA1, bytes.fromhex("8C06F3000013FF00")))
            if tags == bytes.fromhex("A080") and reference == 0x02:
                tries = tlv(0x9A, b"\x0a") + tlv(0x9B, b"\x0a") + tlv(0x9D, b"\x00\x64")
                return tlv(0xA0, tries, tlv(0xA1, bytes.fromhex("8C06F3FF00FFFF00")))
            if tags == bytes.fromhex("7F4180") and reference == PIN_REFERENCE:
                return tlv(0x7F41, tlv(0x80, b"\x04"), tlv(0x81, b"\x04"))
        if sdo_class == 0x10 and reference | 0x80 in self._keys and self.session.df.aid.endswith(b"\x00\x10"):
            if tags == bytes.fromhex("7F4880"):
                raise Refused(0x6A80)
            if tags == bytes.fromhex("A080"):
                bits = (self._keys[reference | 0x80].size).to_bytes(2, "big")
                return tlv(0xA0, tlv(0x80, bits), tlv(0xA1, bytes.fromhex(_KEY_RULES[reference | 0x80])))
        if sdo_class == 0x7B and in_mf and tags == bytes.fromhex("7B80"):
            return tlv(0x7B, tlv(0xA4, tlv(0x95, b"\x08"), tlv(0x83, bytes([PIN_REFERENCE]))))
        raise Refused(0x6A88)

    def _hash(self, command: Command) -> Response:
        environment = self._environment
        if not environment.hash:
            raise Refused(0x6985)
        name, size = _HASHES[environment.hash]
        values = dict(self._items(command.data))
        if set(values) != {0x90, 0x80} or len(values[0x90]) not in (0, size + 8):
            raise Refused(0x6A80)
        before = values[0x90]
        state, bits = (before[:size], int.from_bytes(before[size:], "big")) if before else (midstate.start(name), 0)
        try:
            environment.digest = name, midstate.finish(name, state, bits, values[0x80])
        except ValueError:
            raise Refused(0x6A80) from None
        return Response(0x9000, cost_ms=self.profile.cost_ms("hash"))

    def _sign(self, command: Command) -> Response:
        environment = self._environment
        key = self._key(environment.sign)
        name, prefix = _SIGNATURES[environment.sign[0]]
        if environment.digest is None or environment.digest[0] != name:
            raise Refused(0x6985)
        if command.le != 256:  # 6C before the effect: a signature is not made twice
            raise Refused(0x6C00)
        digest, environment.digest = environment.digest[1], None
        self.memory.count("sign")
        return Response(0x9000, key.sign(prefix + digest), self.profile.cost_ms("rsa"))

    def _decipher(self, command: Command) -> Response:
        key = self._key(self._environment.decipher)
        if command.data[:1] != b"\x81":
            raise Refused(0x6A80)
        try:
            return Response(0x9000, key.decipher(command.data[1:]), self.profile.cost_ms("rsa"))
        except PaddingError:
            raise Refused(0x6A80) from None

    def _key(self, environment: tuple[int, int]) -> CardKey:
        if environment == (0, 0):
            raise Refused(0x6985)
        if not self.session.verified:
            raise Refused(0x6982)
        return self._keys[environment[1]]

    def _find(self, command: Command) -> tuple[Ef | Df, Df]:
        """The file meant and the DF it is in."""
        here = self.session.df
        if command.p1 == 0x04:
            df = self.find_df(command.data)
            if df is None:
                raise Refused(0x6A82)
            return df, df
        path = fids(command.data)
        if command.p1 in (0x00, 0x02):
            if len(path) != 1:
                raise Refused(0x6A80)
            if path == [0x3F00]:  # also with P1 02: OpenSC selects the MF so before it asks for the PIN's counter
                return self.root, self.root
            node = here.child(path[0])
            if node is None or (command.p1 == 0x02 and isinstance(node, Df)):
                raise Refused(0x6A82)
            return node, here
        if command.p1 not in (0x08, 0x09):
            raise Refused(0x6A86)
        start = here
        if path[0] == 0x3F00 or command.p1 == 0x08:
            start, path = self.root, path[1:] if path[0] == 0x3F00 else path
        nodes = start.path(path)
        if nodes is None:
            raise Refused(0x6A82)
        chain = [start, *nodes]
        owner = next(node for node in reversed(chain[:-1] or chain) if isinstance(node, Df))
        return chain[-1], owner

    def _fcp(self, node: Ef | Df) -> bytes:
        """FCP as on the real card: 8C contact rules, 9C contactless rules."""
        if isinstance(node, Df):
            name = tlv(0x84, node.aid) if node.aid else b""
            rules = tlv(0xA1, bytes.fromhex("8C077BFFFFFFFFFF009C077BFFFFFFFFFF00"))
            return tlv(
                0x62, tlv(0x82, b"\x38"), tlv(0x83, node.fid.to_bytes(2, "big")), name, rules, tlv(0x8A, b"\x05")
            )
        read = {Rule.ALWAYS: "00", Rule.PIN: "13"}.get(node.read, "FF")
        acl = node.acl or f"7BFFFFFFFFFF{read}"
        sfi = tlv(0x88, bytes([node.sfi << 3])) if node.sfi else b""
        return tlv(
            0x62,
            tlv(0x80, len(node.content).to_bytes(2, "big")),
            tlv(0x82, b"\x01"),
            tlv(0x83, node.fid.to_bytes(2, "big")),
            sfi,
            tlv(
                0xA1,
                tlv(0x8C, bytes.fromhex(acl)),
                tlv(0x9C, bytes.fromhex(acl if node.read is Rule.ALWAYS else "7BFFFFFFFFFFFF")),
            ),
            tlv(0x8A, b"\x05"),
        )

    def _items(self, data: bytes) -> list[tuple[int, bytes]]:
        try:
            return list(items(data))
        except TlvError:
            raise Refused(0x6A80) from None
