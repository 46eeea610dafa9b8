"""ARM MPS2 with the AN385 image (Cortex-M3), as QEMU models it: CMSDK UARTs, FPGAIO counter, CMSDK timer 0, NVIC.

[SPEC ARM DAI0385D: memory map, interrupts; DDI0479 CMSDK: UART and timer registers]. UART 0 is the link (the REPL before that), 1 and
2 the card lines, 3 the I/O bus, 4 the CCID line. The UARTs have no FIFO: the sender waits while a character stands in the register.
"""

import micropython
from machine import mem32
from micropython import const

from tournee_fw.clock import left, wrap
from tournee_fw.link import Transport

from . import _iobus
from .expander import BoardGone, ExpanderBoard, ExpanderPort

_LINK = 0x40004000
_SLOTS = (0x40005000, 0x40006000)
_BUS = 0x40007000
_CCID = 0x40009000
_WIRE_TIMEOUT_MS = const(60_000)
_LONGEST_MS = const(40_000)  # 25 000 ticks each: a longer one is no small integer
_TICKS_PER_MS = const(25_000)
# Interrupts that end a sleep: receivers of UART 0, 1, 2, 3, 4 (0, 2, 4, 18, 20), timer 0 (8).
_WAKE = const(0x140115)


class Uart:
    """One CMSDK UART. Addresses pass 2**30, so they are made once: a sum would allocate."""

    def __init__(self, base):
        self._base = base
        mem32[base + 0x10] = 16  # BAUDDIV: the least there is
        mem32[base + 0x08] = 0x0B  # CTRL: transmitter, receiver, receive interrupt

    def read_into(self, view) -> int:
        return _receive(self._base, view, len(view))

    def write(self, view) -> int:
        """How many bytes were taken from the front of `view`."""
        return _send(self._base, view, len(view))

    def ready(self) -> bool:
        return bool(_readable(self._base))


class Mps2Port(ExpanderPort):
    """A card line."""

    def __init__(self, board, number, uart):
        super().__init__(board, number)
        self._uart = uart

    def _transmit(self, view):
        self._board.write_all(self._uart, view)

    def _receive(self, view):
        return self._uart.read_into(view)


class Mps2Link(Transport):
    """The wired link, or with `ccid` the reader's line; a UART does not know whether somebody listens."""

    name = "wire"
    connected = True

    def __init__(self, uart, ccid=""):
        self._uart = uart
        self.ccid = ccid
        self.repl = not ccid

    def read_into(self, buf):
        return self._uart.read_into(buf)

    def write(self, mv):
        return self._uart.write(mv)


class Mps2Board(ExpanderBoard):
    """Takes the UARTs, masks the interrupts for good (they only end a sleep) and asks the I/O bus for the cards."""

    name = "MPS2_AN385"
    slack_ms = 600  # as on the board `unix`: the simulator and its machine answer late

    def __init__(self, reader=""):
        """`reader`: name of the serial CCID reader on UART 4 (`ccid.READERS`), empty: none."""
        super().__init__()
        _mask()
        mem32[0x4002801C] = _TICKS_PER_MS - 1  # FPGAIO PRESCALE: COUNTER goes by one each ms
        mem32[0x40028018] = 0
        self._bus = Uart(_BUS)
        link = Uart(_LINK)
        cards = [Uart(base) for base in _SLOTS]
        self._uarts = [link, self._bus] + cards
        transports = [Mps2Link(link)]
        if reader:
            line = Uart(_CCID)
            self._uarts.append(line)
            transports.append(Mps2Link(line, reader))
        mem32[0xE000E100] = _WAKE
        self.start([Mps2Port(self, i, uart) for i, uart in enumerate(cards)], transports)

    def wait(self, timeout_ms):
        self._sleep(self._uarts, timeout_ms)
        self._read_bus()
        for port in self.slots:
            port.fill()

    def random(self, n):
        """The chip has no source of randomness; the simulated expander has."""
        return self.command(_iobus.CMD_RANDOM, 0, bytes((n,)))

    def write_all(self, uart, view):
        """Send `view`; BoardGone when nobody takes it."""
        at = 0
        end = wrap(self._clock_ms() + _WIRE_TIMEOUT_MS)
        while at < len(view):
            at += uart.write(view[at:])
            if at < len(view) and not left(wrap(self._clock_ms()), end):
                raise BoardGone("peer does not read")

    def _clock_ms(self):
        return wrap(mem32[0x40028018])

    def _bus_read(self, view):
        return self._bus.read_into(view)

    def _bus_write(self, view):
        self.write_all(self._bus, view)

    def _bus_wait(self, timeout_ms):
        self._sleep((self._bus,), timeout_ms)

    def _sleep(self, uarts, timeout_ms):
        """Halt the core until a character comes or `timeout_ms` has passed."""
        if timeout_ms <= 0:
            return
        _arm(min(timeout_ms, _LONGEST_MS) * _TICKS_PER_MS)
        for uart in uarts:
            if uart.ready():
                return
        _halt()


@micropython.viper
def _receive(uart: ptr32, buf: ptr8, room: int) -> int:  # type: ignore  # noqa: F821
    n = 0
    while n < room and uart[1] & 2:  # STATE: receiver full
        buf[n] = uart[0]
        n += 1
    return n


@micropython.viper
def _send(uart: ptr32, buf: ptr8, size: int) -> int:  # type: ignore  # noqa: F821
    n = 0
    while n < size and not uart[1] & 1:  # STATE: transmitter full
        uart[0] = buf[n]
        n += 1
    return n


@micropython.viper
def _readable(uart: ptr32) -> int:  # type: ignore  # noqa: F821
    return uart[1] & 2


@micropython.viper
def _arm(ticks: int):
    """Forget the interrupts that were, then start timer 0. What comes after this ends the next `_halt` at once."""
    timer = ptr32(0x40000000)  # type: ignore  # noqa: F821
    timer[0] = 0
    timer[3] = 1
    ptr32(0x40004000)[3] = 2  # type: ignore  # noqa: F821
    ptr32(0x40005000)[3] = 2  # type: ignore  # noqa: F821
    ptr32(0x40006000)[3] = 2  # type: ignore  # noqa: F821
    ptr32(0x40007000)[3] = 2  # type: ignore  # noqa: F821
    ptr32(0x40009000)[3] = 2  # type: ignore  # noqa: F821
    ptr32(0xE000E280)[0] = 0x140115  # type: ignore  # noqa: F821
    timer[2] = ticks
    timer[1] = ticks
    timer[0] = 9  # enabled, with interrupt


@micropython.asm_thumb
def _mask():
    cpsid(0)  # type: ignore  # noqa: F821


@micropython.asm_thumb
def _halt():
    wfi()  # type: ignore  # noqa: F821
