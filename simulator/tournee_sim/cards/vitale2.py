"""Vitale 2: the public, unauthenticated reading [RUF, CPK] and the SV-SIM application (rights, CPS presence, signature).

SV-SIM v1, SIMULATION: GET CHALLENGE; PSO VERIFY CERTIFICATE `00 2A 00 BE` (chained) with a CPS certificate of the test CA;
EXTERNAL AUTHENTICATE `00 82 00 00` (chained) with that CPS's signature over DigestInfo(SHA-256(challenge || serial)); then the
rights zone can be read and `80 5A 00 00` signs a message of at most 55 bytes (RSA PKCS#1 v1.5 SHA-256).
"""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from tournee_sim.cards.core import Card, Command, Refused, Response
from tournee_sim.cards.memory import CardMemory
from tournee_sim.cards.profile import Profile
from tournee_sim.cards.rsa import SHA256_PREFIX, CardKey
from tournee_sim.cards.tlv import tlv
from tournee_sim.cards.tree import Df, Ef

MESSAGE_LIMIT = 55
"""Longest message the SV-SIM signature takes, the same as fits one SHA-256 block."""
SVSIM_AID = bytes.fromhex("F053562D53494D01")


class Vitale2(Card):
    """`serial`: the 10 bytes of EF 2F02; `ca`: whose CPS certificates are believed; `key`: the SV-SIM signature key."""

    classes = frozenset({0x00, 0x10, 0x80})

    def __init__(
        self,
        card_id: str,
        profile: Profile,
        root: Df,
        key: CardKey,
        serial: bytes,
        ca: x509.Certificate,
        memory: CardMemory,
    ) -> None:
        super().__init__(card_id, profile, root, memory)
        self._key = key
        self._serial = serial
        self._ca = ca
        self._cps: rsa.RSAPublicKey | None = None
        self.handlers |= {0x2A: self.verify_certificate, 0x82: self.external_authenticate, 0x5A: self.sign}

    def on_reset(self) -> None:
        self._cps = None

    def select(self, command: Command) -> Response:
        """By FID (P1 00, 02) or AID (04); P2 00 or 04 gives an FCI, 0C nothing."""
        if command.p2 not in (0x00, 0x04, 0x0C):
            raise Refused(0x6A86)
        node, df = self._find(command)
        self.enter(node, df)
        data = b"" if command.p2 == 0x0C else self._fci(node)
        return Response(0x9000, data, self.profile.cost_ms("select"))

    def verify_certificate(self, command: Command) -> Response:
        """The certificate of a CPS: issued by the test CA, with a profession (title) in its subject."""
        self._in_svsim()
        if command.p1p2 != 0x00BE:
            raise Refused(0x6A86)
        self._cps = None
        try:
            certificate = x509.load_der_x509_certificate(command.data)
            certificate.verify_directly_issued_by(self._ca)
            key = certificate.public_key()
            professional = certificate.subject.get_attributes_for_oid(NameOID.TITLE)
        except (ValueError, TypeError, InvalidSignature):
            raise Refused(0x6A80) from None
        if not professional or not isinstance(key, rsa.RSAPublicKey):
            raise Refused(0x6A80)
        self._cps = key
        return Response(0x9000, cost_ms=self.profile.cost_ms("rsa_public"))

    def external_authenticate(self, command: Command) -> Response:
        """The CPS's signature of the last challenge, which serves once."""
        self._in_svsim()
        if command.p1p2:
            raise Refused(0x6A86)
        challenge, self.session.challenge = self.session.challenge, b""
        if self._cps is None or not challenge:
            raise Refused(0x6985)
        self.session.mutual = False
        try:
            self._cps.verify(command.data, challenge + self._serial, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return Response(0x6300, cost_ms=self.profile.cost_ms("rsa_public"))
        self.session.mutual = True
        return Response(0x9000, cost_ms=self.profile.cost_ms("rsa_public"))

    def sign(self, command: Command) -> Response:
        """Signature over the message (not over a digest of the host's), after the authentication."""
        self._in_svsim()
        if command.cla != 0x80:
            raise Refused(0x6E00)
        if command.p1p2:
            raise Refused(0x6A86)
        if not self.session.mutual:
            raise Refused(0x6982)
        if not 1 <= len(command.data) <= MESSAGE_LIMIT:
            raise Refused(0x6700)
        self.memory.count("sign")
        signature = self._key.sign(SHA256_PREFIX + hashlib.sha256(command.data).digest())
        return Response(0x9000, signature, self.profile.cost_ms("rsa"))

    def _in_svsim(self) -> None:
        if self.session.df.aid != SVSIM_AID:
            raise Refused(0x6985)

    def _find(self, command: Command) -> tuple[Ef | Df, Df]:
        if command.p1 == 0x04:
            df = self.find_df(command.data)
            if df is None:
                raise Refused(0x6A82)
            return df, df
        if command.p1 not in (0x00, 0x02):
            raise Refused(0x6A86)
        if len(command.data) != 2:
            raise Refused(0x6A80 if command.data else 0x6700)
        fid = int.from_bytes(command.data, "big")
        if command.p1 == 0x00 and fid == 0x3F00:
            return self.root, self.root
        node = self.session.df.child(fid)
        if node is None or (command.p1 == 0x02 and isinstance(node, Df)):
            raise Refused(0x6A82)
        return node, self.session.df

    def _fci(self, node: Ef | Df) -> bytes:
        if isinstance(node, Ef):
            size = tlv(0x80, len(node.content).to_bytes(2, "big"))
            return tlv(0x6F, size, tlv(0x82, b"\x01"), tlv(0x83, node.fid.to_bytes(2, "big")))
        return tlv(0x6F, tlv(0x84, node.aid), tlv(0xA5, tlv(0x50, node.label.encode("ascii").ljust(12))))
