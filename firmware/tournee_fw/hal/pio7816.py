"""The card UART as one PIO program: both directions of an ISO 7816-3 line on one pin, 30 of a block's 32 instructions.

One state machine per slot, 16 PIO cycles per etu. The pin only pulls low or lets go (open drain: the output value stays 0, the
*direction* carries the data), so a pull-up is needed on I/O. [SPEC RP2040 datasheet §3.5, RP2350 datasheet §11.5; ISO 7816-3 §7, §10.2]

Sending starts at `TX`: a word is start, eight data bits, parity and release as pin directions (1 pulls low), then the flag MORE,
then the extra guard in half etu. The card's error signal is looked for 11 etu after the leading edge; a refused character goes
out again 13.2 etu after its leading edge, three times, then the machine raises its own IRQ flag and stops. After a word without MORE the
machine receives.

Receiving starts at `RX`: nine levels, first on the line first, are pushed without blocking, 10.4 etu after the leading edge; then
parity is compared and the error signal given, from 10.6 to 12.1 etu. What "good parity" is, and whether anything is signalled, are two
fields of EXECCTRL (`execctrl`), so that both conventions and T=0 and T=1 share the program.
"""

# ruff: noqa: F821
# pyright: reportUndefinedVariable=false, reportCallIssue=false, reportArgumentType=false, reportIndexIssue=false
from micropython import const
from rp2 import PIO, asm_pio

CYCLES_PER_ETU = const(16)
TX = const(0)
GUARD = const(13)
RX = const(17)
RX_PUSH = const(27)
RX_LAST = const(29)
LENGTH = const(30)

MORE = const(1 << 11)
_GUARD_SHIFT = const(12)

# Instructions that the CPU puts in by force (SMx_INSTR).
JMP = const(0x0000)
SET_X = const(0xE020)
LET_GO = const(0xE080)
PULL_LOW = const(0xE081)
FORGET = const(0x8080)  # pull(noblock): one word out of the TX FIFO

# Registers: PIO0 is at the same place on RP2040 and RP2350.
PIO0 = const(0x50200000)
CTRL = const(0x00)
FDEBUG = const(0x08)
IRQ = const(0x30)
TXF = const(0x10)
RXF = const(0x20)
SM = const(0xC8)
SM_STRIDE = const(0x18)
CLKDIV = const(0x00)
EXECCTRL = const(0x04)


@asm_pio(
    out_init=PIO.IN_LOW, set_init=PIO.IN_LOW, out_shiftdir=PIO.SHIFT_RIGHT, in_shiftdir=PIO.SHIFT_LEFT, pull_thresh=11
)
def uart():
    label("tx")
    pull(block)
    mov(isr, osr)  # kept for a repetition
    set(x, 3)
    label("bit")
    out(pindirs, 1)[14]
    jmp(not_osre, "bit")
    jmp(pin, "taken")  # 11 etu
    jmp(x_dec, "again")
    irq(block, rel(0))
    label("again")
    mov(osr, isr)[31]
    jmp("bit")
    label("taken")
    out(x, 1)
    jmp(not_x, "idle")
    mov(x, osr)
    label("guard")
    jmp(x_dec, "guard")[7]
    jmp("tx")
    # the error signal: 1.5 etu
    label("refuse")
    set(pindirs, 1)[23]
    set(pindirs, 0)
    # RX
    wrap_target()
    label("idle")
    wait(1, pin, 0)
    wait(0, pin, 0)[6]
    jmp(pin, "idle")  # half an etu later the line is high again: a glitch
    set(x, 0)
    set(y, 8)[12]
    label("level")
    in_(pins, 1)
    jmp(pin, "high")
    jmp("next")
    label("high")
    mov(x, invert(x))
    label("next")
    jmp(y_dec, "level")[12]
    push(noblock)
    mov(y, status)
    jmp(x_not_y, "refuse")
    wrap()


def execctrl(offset: int, pin: int, inverse: bool, signal: bool) -> int:
    """EXECCTRL of a machine whose program is at `offset`: what STATUS reads (the parity toggle that is good), where it wraps, its pin.

    STATUS compares the TX FIFO with 0 (never less: 0) or with 15 (always less: all ones). [SPEC RP2350: the field is wider, same values]
    """
    top = RX_LAST if signal else RX_PUSH
    return (pin << 24) | (offset + top << 12) | (offset + RX << 7) | (15 if inverse else 0)


def tx_word(byte: int, inverse: bool) -> int:
    """`byte` as a direct-convention UART has it on the line; without MORE and guard."""
    return 1 | (byte ^ 0xFF) << 1 | (ODD[byte] ^ (0 if inverse else 1)) << 9


def parity_good(word: int, inverse: bool) -> bool:
    """Of nine levels as they were pushed."""
    return ODD[word >> 1] ^ (word & 1) == (1 if inverse else 0)


ODD = bytes([bin(n).count("1") & 1 for n in range(256)])
"""1: an odd number of ones."""
DATA = bytes([sum([(n >> b & 1) << (7 - b) for b in range(8)]) for n in range(256)])
"""Eight levels, first on the line in the highest bit → the byte of a direct-convention UART."""
TS_DIRECT = const(0x1B9)
TS_INVERSE = const(0x181)
