"""What the tests of virtual cards share: a card that follows 61xx and 6Cxx as a reader does."""

from __future__ import annotations

from pathlib import Path

from tournee_sim.cards.core import Card
from tournee_sim.cards.factory import make_card
from tournee_sim.cards.tpdu import TpduCard
from tournee_sim.pki import Pki

PIN = "4711"


class Reader:
    """`x("00 A4 …")` gives data and SW of one exchange, `follow` also gets the response."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.tpdu = TpduCard(card)
        self.tpdu.reset()

    def raw(self, apdu: str | bytes) -> bytes:
        return self.tpdu.apdu(bytes.fromhex(apdu) if isinstance(apdu, str) else apdu)

    def sw(self, apdu: str | bytes) -> str:
        return self.raw(apdu)[-2:].hex().upper()

    def follow(self, apdu: str | bytes) -> bytes:
        """Data; the SW has to be 9000."""
        command = bytes.fromhex(apdu) if isinstance(apdu, str) else apdu
        answer = self.raw(command)
        if answer[-2] == 0x6C:
            answer = self.raw(command[:4] + answer[-1:])
        data = answer[:-2]
        while answer[-2] == 0x61:
            answer = self.raw(bytes([0, 0xC0, 0, 0, answer[-1]]))
            data += answer[:-2]
        assert answer[-2:] == b"\x90\x00", answer.hex()
        return data

    def chained(self, header: str, data: bytes) -> str:
        """SW of a chained command."""
        cla, rest = bytes.fromhex(header)[0], bytes.fromhex(header)[1:4]
        parts = [data[i : i + 255] for i in range(0, len(data), 255)]
        for part in parts[:-1]:
            assert self.sw(bytes([cla | 0x10]) + rest + bytes([len(part)]) + part) == "9000"
        return self.sw(bytes([cla]) + rest + bytes([len(parts[-1])]) + parts[-1])

    def file(self, path: str) -> bytes:
        """A whole file of a CPS by its path from the MF."""
        fid = bytes.fromhex(path)
        assert self.sw(b"\x00\xa4\x09\x0c" + bytes([len(fid)]) + fid) == "9000"
        data = b""
        while True:
            answer = self.raw(b"\x00\xb0" + len(data).to_bytes(2, "big") + b"\xe7")
            if answer[-2] == 0x6C:
                answer = self.raw(b"\x00\xb0" + len(data).to_bytes(2, "big") + answer[-1:])
            if answer[-2:] != b"\x90\x00":
                return data
            data += answer[:-2]


def reader(card_id: str, keys: Path, state: Path | None = None) -> Reader:
    return Reader(make_card(card_id, pki=Pki(keys), pin=PIN, state=state))


def verify(pin: str = PIN) -> bytes:
    return bytes.fromhex("0020000104") + pin.encode("ascii")
