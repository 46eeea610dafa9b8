"""PIN commands to a T=1 card whose blocks the host counts: what `pin` asks of a slot, over raw blocks.

The host has numbered one I-block (in bTeoPrologue) and goes on from there. So what it does not know of is sent twice: after an even
number of exchanges both sides are where they were. A block is never repeated: a code might be in it.
"""

from micropython import const

from ._link import STATUS_PROTOCOL, STATUS_TOO_LONG
from .desk import Desk
from .errors import Refused
from .iso7816.edc import crc, lrc

_BLOCK = const(259)
_QUESTION = const(5)  # no longer than a header: VERIFY without data
_WTX_ASKED = const(0xC3)
_IFS_ASKED = const(0xC1)
_RESPONSE = const(0x20)


class BlockSlot:
    """`transmit`, then `finish`, then `sw`; `answer[:length]` is the card's last block to a command with data, which is the host's."""

    def __init__(self, slot, prologue: int):
        """`prologue`: PCB of the I-block that the host has numbered."""
        self._slot = slot
        self._ns = prologue >> 6 & 1
        self._block = bytearray(_BLOCK)
        self._view = memoryview(self._block)
        self.answer = memoryview(bytearray(_BLOCK))
        self._n = 0
        self.length = 0
        self.sw = 0
        self.apdu = self

    @property
    def link_state(self):
        return self._slot.link_state

    @property
    def pin_ok(self):
        return self._slot.pin_ok

    @pin_ok.setter
    def pin_ok(self, value):
        self._slot.pin_ok = value

    def transmit(self, apdu, n: int, out, now: int) -> None:
        """Keep the command for `finish`; `out` is not used."""
        self._n = n
        self._block[3 : 3 + n] = apdu[:n]

    def wipe(self) -> None:
        for i in range(_BLOCK):
            self._block[i] = 0
        self._slot.wipe()

    def finish(self, desk):
        """Generator: the command to the card, its answer into `sw`; Refused."""
        if self._n > self._slot.atr_reader.ifsc:
            raise Refused(STATUS_TOO_LONG)
        question = self._n <= _QUESTION
        for _ in range(2 if question else 1):
            yield from self._exchange(desk, self._ns << 6, self._n)
            self._ns ^= 1
            yield from self._more_time(desk)
            self._take()
        if not question:
            self.length = self._slot.apdu.length

    def _exchange(self, desk, pcb, n, factor=1):
        block = self._block
        block[0], block[1], block[2] = 0, pcb, n
        end = 3 + n
        if self._slot.atr_reader.crc:
            check = crc(block, end)
            block[end], block[end + 1] = check >> 8, check & 0xFF
            end += 2
        else:
            block[end] = lrc(block, end)
            end += 1
        self._slot.transmit_raw(self._view, end, self.answer, desk.now, factor)
        if n > _QUESTION:  # the code is out: it stays nowhere
            self.wipe_command()
        yield from Desk.until_idle(desk, self._slot)

    def wipe_command(self) -> None:
        for i in range(3, _BLOCK):
            self._block[i] = 0

    def _more_time(self, desk):
        """Grant the card what it asks for before it answers."""
        answer = self.answer
        while answer[2] == 1 and answer[1] in (_WTX_ASKED, _IFS_ASKED) and self._sound():
            pcb, value = answer[1], answer[3]
            kept = bytes(self._block[3 : 3 + self._n])
            self._block[3] = value
            yield from self._exchange(desk, pcb | _RESPONSE, 1, value if pcb == _WTX_ASKED else 1)
            self._block[3 : 3 + len(kept)] = kept

    def _take(self):
        answer = self.answer
        size = answer[2]
        if answer[1] & 0xA0 or size < 2 or not self._sound():  # no I-block, or one of several
            raise Refused(STATUS_PROTOCOL)
        self.sw = answer[1 + size] << 8 | answer[2 + size]

    def _sound(self):
        answer, n = self.answer, self._slot.apdu.length
        if self._slot.atr_reader.crc:
            return crc(answer, n - 2) == answer[n - 2] << 8 | answer[n - 1]
        return not lrc(answer, n)
