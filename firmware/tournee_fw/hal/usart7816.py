"""One USART of an STM32WB in smartcard mode: parity, error signal and repetition in hardware, DMA ring behind it, card clock from TIM1.

[SPEC RM0434 USART §36.5.17 smartcard mode, §36.8 registers; DMA §11, DMAMUX §12 (request 14 USART1_RX), TIM1 §28.4]. The clock is the
timer's, not the USART's CK: parity, rate and error signal can only be changed while the USART is off, and CK would stop with it.
The frame is 8 bits with parity and 1.5 stop bits, which with the half bit the mode adds are the 12 etu of ISO 7816-3.
"""

from machine import mem32
from micropython import const
from uctypes import addressof

USART1 = const(0x40013800)
TIM1 = const(0x40012C00)
DMA1 = const(0x40020000)
DMAMUX1 = const(0x40020800)
RCC = const(0x58000000)

_CR1, _CR2, _CR3, _BRR, _GTPR, _RQR, _ISR, _ICR, _RDR, _TDR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x18, 0x1C, 0x20, 0x24, 0x28
_UE = const(1 << 0)
_RE = const(1 << 2)
_TE = const(1 << 3)
_ODD = const(1 << 9)
_PCE = const(1 << 10)
_M0 = const(1 << 12)
_STOP_1_5 = const(3 << 12)
_NACK = const(1 << 4)
_SCEN = const(1 << 5)
_DMAR = const(1 << 6)
_RETRIES = const(3 << 17)  # SCARCNT
_RXFRQ = const(1 << 3)
_TXFRQ = const(1 << 4)
_PE = const(1 << 0)
_FE = const(1 << 1)
_ORE = const(1 << 3)
_TC = const(1 << 6)
_TXE = const(1 << 7)
_ERRORS = const(0x0F)
_TCCF = const(1 << 6)
# DMA channel 7 (index 6): byte to byte, memory increments, circular, from the USART.
_CHANNEL = const(0x08 + 20 * 6)
_CIRCULAR = const(1 << 5 | 1 << 7 | 1)
_RING = const(1024)
_REQUEST = const(14)


class Usart:
    """`start()` once, then `set_up` per card, `put`/`room` to send, `came`/`ring` to receive."""

    def __init__(self, hz):
        self.hz = hz
        self.ring = bytearray(_RING)
        self._isr = USART1 + _ISR
        self._icr = USART1 + _ICR
        self._tdr = USART1 + _TDR
        self._left = DMA1 + _CHANNEL + 4
        self._cycles = 18

    def start(self):
        """Clocks of USART1, TIM1, DMA1 and DMAMUX1."""
        mem32[RCC + 0x48] |= 1 << 0 | 1 << 2
        mem32[RCC + 0x60] |= 1 << 14 | 1 << 11

    def clock(self, khz) -> int:
        """PWM of about `khz` on channel 1 (0: stopped, low); the real kHz."""
        if not khz:
            mem32[TIM1 + 0x00] = 0
            mem32[TIM1 + 0x18] = 4 << 4  # OC1M: forced low
            return 0
        cycles = max(4, (self.hz // 1000 + khz // 2) // khz)
        self._cycles = cycles
        mem32[TIM1 + 0x28] = 0  # PSC
        mem32[TIM1 + 0x2C] = cycles - 1  # ARR
        mem32[TIM1 + 0x34] = cycles // 2  # CCR1
        mem32[TIM1 + 0x18] = 6 << 4  # OC1M: PWM mode 1
        mem32[TIM1 + 0x20] = 1  # CCER: CC1E
        mem32[TIM1 + 0x44] = 1 << 15  # BDTR: MOE
        mem32[TIM1 + 0x14] = 1  # EGR: UG, load the above
        mem32[TIM1 + 0x00] = 1  # CEN
        return self.hz // cycles // 1000

    def set_up(self, f, d, guard, signal, inverse):
        """Stop, set, start: one etu is f/d card clocks. What was coming in is lost."""
        mem32[USART1 + _CR1] = 0
        mem32[DMA1 + _CHANNEL] = 0
        mem32[USART1 + _BRR] = (f * self._cycles + d // 2) // d
        mem32[USART1 + _CR2] = _STOP_1_5
        mem32[USART1 + _CR3] = _SCEN | _DMAR | ((_NACK | _RETRIES) if signal else 0)
        mem32[USART1 + _GTPR] = guard << 8 | 1  # PSC 0 is not allowed
        mem32[self._icr] = _ERRORS | _TCCF
        mem32[DMAMUX1 + 4 * 6] = _REQUEST
        mem32[DMA1 + _CHANNEL + 8] = USART1 + _RDR
        mem32[DMA1 + _CHANNEL + 12] = addressof(self.ring)
        mem32[self._left] = _RING
        mem32[DMA1 + _CHANNEL] = _CIRCULAR
        frame = _M0 | _PCE | (_ODD if inverse else 0)
        mem32[USART1 + _CR1] = frame | _UE
        mem32[USART1 + _RQR] = _RXFRQ | _TXFRQ
        mem32[USART1 + _CR1] = frame | _UE | _RE | _TE

    def place(self) -> int:
        """Where in `ring` the next character will be put."""
        return (_RING - mem32[self._left]) % _RING

    def room(self, guard) -> bool:
        """The next character may be written: at once without extra guard, else when the guard time of the last is over."""
        return bool(mem32[self._isr] & (_TC if guard else _TXE))

    def put(self, byte):
        mem32[self._icr] = _TCCF
        mem32[self._tdr] = byte

    def done(self) -> bool:
        """The last character is out, its error signal was looked for."""
        return bool(mem32[self._isr] & _TC)

    def errors(self) -> int:
        """1 a received character was damaged (and stayed so), 2 a sent one was refused for good, 4 one was lost; told once."""
        flags = mem32[self._isr]
        found = (1 if flags & _PE else 0) | (2 if flags & _FE else 0) | (4 if flags & _ORE else 0)
        if found:
            mem32[self._icr] = _ERRORS
        return found

    def flush(self):
        """Take back what was to be sent."""
        mem32[USART1 + _RQR] = _TXFRQ
