"""The C half of MicroPython's `rp2` on registers: ports/rp2/rp2_pio.c and rp2_dma.c, for PIO 0."""

from umachine import mem32

_PIO = 0x50200000
_DMA = 0x50000000


class PIO:
    IN_LOW, IN_HIGH, OUT_LOW, OUT_HIGH = 0, 1, 2, 3
    SHIFT_LEFT, SHIFT_RIGHT = 0, 1
    JOIN_NONE, JOIN_TX, JOIN_RX = 0, 1, 2


class StateMachine:
    def __init__(self, number, program, *, in_base, out_base, set_base, jmp_pin):
        self._number = number
        self._sm = _PIO + 0xC8 + 0x18 * number
        words, offset = program[0], program[1]
        if offset < 0:
            offset = program[1] = 32 - len(words)
            for i, word in enumerate(words):
                mem32[_PIO + 0x48 + 4 * (offset + i)] = word + (offset if word >> 13 == 0 else 0)
        mem32[self._sm] = 1 << 16
        mem32[self._sm + 4] = program[3] + (offset << 12) + (offset << 7) | jmp_pin.number << 24
        mem32[self._sm + 8] = program[4]
        mem32[self._sm + 0x14] = in_base.number << 15 | 1 << 26 | set_base.number << 5 | 1 << 20 | out_base.number
        self.exec(offset)
        mem32[0x40014004 + 8 * out_base.number] = 6

    def active(self, value):
        mem32[_PIO + (0x2000 if value else 0x3000)] = 1 << self._number

    def exec(self, instruction):
        mem32[self._sm + 0x10] = instruction


_FIELDS = {
    "size": (2, 2), "inc_read": (4, 1), "inc_write": (5, 1), "ring_size": (6, 4), "ring_sel": (10, 1), "treq_sel": (15, 6),
}  # fmt: skip


class DMA:
    _next = 0

    def __init__(self):
        self.channel = DMA._next
        DMA._next += 1
        self._at = _DMA + 0x40 * self.channel

    def pack_ctrl(self, **values):
        word = 1 << 21 | 0x3F << 15 | 3 << 4 | 2 << 2 | 1 | self.channel << 11
        for name, value in values.items():
            shift, bits = _FIELDS[name]
            word = word & ~((1 << bits) - 1 << shift) | value << shift
        return word

    def config(self, *, read, write, count, ctrl, trigger=False):
        mem32[self._at] = read
        mem32[self._at + 4] = write
        mem32[self._at + 8] = count
        mem32[self._at + (0x0C if trigger else 0x10)] = ctrl

    def active(self, value=None):
        if value == 0:
            mem32[_DMA + 0x444] = 1 << self.channel
        return bool(mem32[self._at + 0x10] >> 24 & 1)

    @property
    def write(self):
        return mem32[self._at + 4]

    @property
    def count(self):
        return mem32[self._at + 8]
