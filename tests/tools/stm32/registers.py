"""USART1 in smartcard mode, TIM1, DMA1 channel 7 and DMAMUX as registers that refuse what RM0434 refuses; characters, not levels.

`mem32` of the firmware is a `Registers`. A card is told of each character sent (`on_sent` answers whether it is refused), and `card_sends`
puts characters into the receiver. A write that the manual does not allow raises `Forbidden`.
"""

from __future__ import annotations

from collections.abc import Callable

USART, TIM, DMA, MUX, RCC = 0x40013800, 0x40012C00, 0x40020000, 0x40020800, 0x58000000
CR1, CR2, CR3, BRR, GTPR, RQR, ISR, ICR, RDR, TDR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x18, 0x1C, 0x20, 0x24, 0x28
UE, RE, TE, PS, PCE, M0 = 1 << 0, 1 << 2, 1 << 3, 1 << 9, 1 << 10, 1 << 12
NACK, SCEN, DMAR = 1 << 4, 1 << 5, 1 << 6
PE, FE, ORE, RXNE, TC, TXE = 1, 2, 8, 32, 64, 128


class Forbidden(AssertionError):
    """The reference manual says that this may not be done now."""


class Registers:
    """`memory` is what DMA writes into: the firmware's ring, by its stand-in address."""

    def __init__(self) -> None:
        self.value: dict[int, int] = {}
        self.memory: dict[int, bytearray] = {}
        self.flags = TC | TXE
        self.on_sent: Callable[[int], int] = lambda byte: 0
        self.sent: list[int] = []
        self.log: list[tuple[str, int]] = []
        self._rdr: int | None = None
        self._left = 0
        self._length = 0

    def __getitem__(self, address: int) -> int:
        if address == USART + ISR:
            return self.flags
        if address == USART + RDR:
            self.flags &= ~RXNE
            return self._rdr or 0
        if address == DMA + 0x08 + 120 + 4:
            return self._left
        return self.value.get(address, 0)

    def __setitem__(self, address: int, value: int) -> None:
        before = self.value.get(address, 0)
        name = {USART: "usart", TIM: "tim", DMA: "dma", MUX: "mux", RCC: "rcc"}[_base(address)]
        self.log.append((f"{name}+{address - _base(address):02X}", value))
        if name in ("usart", "tim", "dma"):
            self._clocked(name)
        if name == "usart":
            self._usart(address - USART, before, value)
        if address == DMA + 0x08 + 120 + 4:
            if self.value.get(DMA + 0x08 + 120, 0) & 1:
                raise Forbidden("CNDTR while the channel is on (RM0434 §11.6.4)")
            self._left = self._length = value
        if address in (DMA + 0x08 + 120 + 8, DMA + 0x08 + 120 + 12) and self.value.get(DMA + 0x08 + 120, 0) & 1:
            raise Forbidden("CPAR, CMAR while the channel is on (RM0434 §11.6.5)")
        self.value[address] = value

    def card_sends(self, byte: int, *, odd: bool | None = None, damaged: bool = False) -> None:
        """A character; `odd`: its parity, by default that which the USART expects."""
        expected = bool(self._get(CR1) & PS)
        bad = damaged or (odd is not None and odd != expected)
        if not self._get(CR1) & RE or not self._get(CR1) & UE:
            return
        if bad:
            self.flags |= PE
            if self._get(CR3) & NACK:
                return  # refused: neither RXNE nor a DMA request [§36.5.17]
        self._receive(byte)

    @property
    def card_hz(self) -> float:
        """Of TIM1 channel 1, 0 when it stands still."""
        running = self.value.get(TIM, 0) & 1 and self.value.get(TIM + 0x18, 0) >> 4 & 7 == 6
        outputs = self.value.get(TIM + 0x20, 0) & 1 and self.value.get(TIM + 0x44, 0) >> 15 & 1
        return 64e6 / (self.value[TIM + 0x2C] + 1) if running and outputs else 0

    @property
    def etu_clocks(self) -> float:
        """Card clocks of one etu."""
        return self._get(BRR) / 64e6 * self.card_hz

    def _clocked(self, name: str) -> None:
        ahb, apb = self.value.get(RCC + 0x48, 0), self.value.get(RCC + 0x60, 0)
        if not {"usart": apb >> 14 & 1, "tim": apb >> 11 & 1, "dma": ahb & 1 and ahb >> 2 & 1}[name]:
            raise Forbidden(f"{name} has no clock")

    def _usart(self, at: int, before: int, value: int) -> None:
        enabled = self._get(CR1) & UE
        if enabled and at in (CR2, CR3, BRR, GTPR) and value != before:
            raise Forbidden(f"register {at:02X} while UE = 1 (RM0434 §36.8)")
        if at == CR1:
            if enabled and value & UE and (before ^ value) & (M0 | PCE | PS):
                raise Forbidden("frame format while UE = 1 (RM0434 §36.8.1)")
            if value & UE:
                self._check_mode(value)
            else:
                self.flags = TC | TXE
        elif at == ICR:
            self.flags &= ~(value & 0x4F)
        elif at == RQR:
            if value & 1 << 4:
                self.flags |= TXE
        elif at == TDR:
            self._send(value)

    def _check_mode(self, cr1: int) -> None:
        if not self._get(CR3) & SCEN:
            raise Forbidden("no smartcard mode")
        if not cr1 & M0 or not cr1 & PCE:
            raise Forbidden("smartcard mode wants 8 bits and parity: M = 01, PCE = 1 (RM0434 §36.5.17)")
        if self._get(CR2) >> 12 & 3 != 3:
            raise Forbidden("1.5 stop bits for sending and receiving (RM0434 §36.5.17)")
        if self._get(GTPR) & 0x1F == 0:
            raise Forbidden("PSC = 0 (RM0434 §36.8.6)")
        if self._get(BRR) < 16:
            raise Forbidden("BRR below 16")

    def _send(self, byte: int) -> None:
        if not self._get(CR1) & TE:
            raise Forbidden("TDR without TE")
        if not self.flags & TXE:
            raise Forbidden("TDR while TXE = 0: a character is lost")
        retries = self._get(CR3) >> 17 & 7 if self._get(CR3) & NACK else 0
        refused = self.on_sent(byte)
        self.flags &= ~TC
        for _ in range(1 + min(refused, retries) if self._get(CR3) & NACK else 1):
            self._receive(byte)  # its own echo [HAL_SMARTCARD_Transmit flushes it]
        self.sent.append(byte)
        self.flags |= TC | TXE
        if refused > retries and self._get(CR3) & NACK:
            self.flags |= FE
            self.sent.pop()

    def _receive(self, byte: int) -> None:
        channel = DMA + 0x08 + 120
        control = self.value.get(channel, 0)
        if self._get(CR3) & DMAR and control & 1 and self.value.get(MUX + 24, 0) == 14:
            if self.value[channel + 8] != USART + RDR or control & 1 << 4:
                raise Forbidden("DMA does not read the USART")
            ring = self.memory[self.value[channel + 12]]
            ring[self._length - self._left] = byte
            self._left -= 1
            if not self._left and control & 1 << 5:
                self._left = self._length
            return
        if self.flags & RXNE:
            self.flags |= ORE
        self._rdr, self.flags = byte, self.flags | RXNE

    def _get(self, at: int) -> int:
        return self.value.get(USART + at, 0)


def _base(address: int) -> int:
    return next(base for base in (RCC, MUX, DMA, USART, TIM) if base <= address < base + 0x800)
