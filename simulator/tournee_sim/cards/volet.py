"""The "volet CPS2ter" of a CPS3 or CPS4: class A0, GSM-11.11-like [ANS card-cps.c; facts cards-and-readers §2.5].

Public: class, SELECT by one FID at a time with 9Fxx and GET RESPONSE, the first five bytes of the answer, status words, FIDs
4010–401F and 7F01/4000 behind the code porteur. SV-SIM: contents, form of VERIFY, selection by AID on a CPS3.
"""

from __future__ import annotations

from collections.abc import Callable

from tournee_sim.cards.core import Command, Refused, Response
from tournee_sim.cards.tlv import tlv
from tournee_sim.cards.tree import Df, Ef, Rule

CLASS = 0xA0
AID = bytes.fromhex("8025000001FF0002")
WRONG_ADDRESS = 0x9402
NOT_FOUND = 0x9404
WRONG_FILE = 0x9408
NO_PIN = 0x9804
BLOCKED = 0x9840
_PIN_BYTES = 8


class Volet:
    """The applet. `verify(code)` counts and compares: None when right, else tries left; `is_open()` tells whether it was right."""

    def __init__(self, root: Df, verify: Callable[[bytes], int | None], is_open: Callable[[], bool]) -> None:
        self._root = root
        self._verify = verify
        self._is_open = is_open
        self.handlers = {0xA4: self._select, 0xB0: self._read, 0xF2: self._status, 0x20: self._verify_code}
        self.reset()

    def reset(self) -> None:
        """MF current, as after a selection of the applet."""
        self._df = self._root
        self._ef: Ef | None = None

    def execute(self, command: Command) -> Response:
        handler = self.handlers.get(command.ins)
        if handler is None:
            return Response(0x6D00)
        try:
            return handler(command)
        except Refused as refused:
            return Response(refused.sw)

    def _select(self, command: Command) -> Response:
        """The MF, the current DF, its parent or a file in it; the answer begins with `85 len size(2) FID(2) type(1)`."""
        if command.p1p2:
            raise Refused(0x6B00)
        if len(command.data) != 2:
            raise Refused(0x6700)
        fid = int.from_bytes(command.data, "big")
        node: Df | Ef | None = self._root if fid == self._root.fid else self._df.child(fid)
        if node is None:
            raise Refused(NOT_FOUND)
        if isinstance(node, Df):
            self._df, self._ef = node, None
        else:
            self._ef = node
        return Response(0x9000, self._header(node))

    def _status(self, command: Command) -> Response:
        """Of the current DF."""
        if command.p1p2:
            raise Refused(0x6B00)
        return Response(0x9000, self._header(self._df))

    def _read(self, command: Command) -> Response:
        if self._ef is None:
            raise Refused(WRONG_FILE)
        if self._ef.read is not Rule.ALWAYS and not self._is_open():
            raise Refused(NO_PIN)
        size = command.le or 256
        if command.p1p2 + size > len(self._ef.content):
            raise Refused(WRONG_ADDRESS)
        return Response(0x9000, self._ef.content[command.p1p2 : command.p1p2 + size])

    def _verify_code(self, command: Command) -> Response:
        """Eight bytes, the code padded with FF."""
        if command.p1p2 != 0x0001:
            raise Refused(0x6B00)
        if len(command.data) != _PIN_BYTES:
            raise Refused(0x6700)
        left = self._verify(command.data.rstrip(b"\xff"))
        return Response(0x9000 if left is None else NO_PIN if left else BLOCKED)

    def _header(self, node: Df | Ef) -> bytes:
        size = len(node.content) if isinstance(node, Ef) else 0
        kind = 4 if isinstance(node, Ef) else 1 if node is self._root else 2
        return tlv(0x85, size.to_bytes(2, "big") + node.fid.to_bytes(2, "big") + bytes([kind]))
