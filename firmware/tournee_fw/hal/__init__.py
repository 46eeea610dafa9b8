"""Contracts between the firmware core and a board. One module per board family implements them (`hal/unix.py`, …)."""


class CardPort:
    """One card slot: contacts and the card UART. Bytes are raw, as a direct-convention UART with 8 bits sees them.

    Received characters with a T=0 parity error are signalled and received again by the UART itself; the echo of
    sent characters is already taken out. `present` may change at any time, without a call.
    """

    present = False
    removed = False
    """Set by the board whenever a card leaves, cleared by the slot: a card pulled and put back between two looks is another card."""

    def vcc(self, volt_class: int) -> None:
        """0 off, 1 class A 5 V, 2 class B 3 V, 3 class C 1.8 V."""

    def rst(self, level: int) -> None:
        """Drive RST to 0 or 1."""

    def clk(self, khz: int) -> None:
        """Clock the card; 0 stops it low."""

    def etu(self, f: int, d: int, guard: int) -> None:
        """From the next character on, one etu is f/d clocks and sent characters are 12 + `guard` etu apart."""

    def write(self, buf, n: int) -> None:
        """Send the first `n` bytes of `buf` (at most 261)."""

    def read_into(self, buf) -> int:
        """Move received characters into `buf`, return how many."""
        return 0

    def parity_errors(self) -> int:
        """How many sent characters the card refused (error signal) since the last call; 0 where the UART resends."""
        return 0


class Board:
    """A board: clock, slots, keypad, display, randomness, and the wait between two turns of the loop."""

    name = "?"
    clock_khz = 4000
    """Card clock; ISO 7816-3 wants 1-5 MHz before PPS."""
    slack_ms = 0
    """Added to every card time-out: what this board may lose between a character on the wire and `read_into`."""
    battery = -1
    """Percent, -1 without a gauge."""
    slots = ()
    """CardPort objects."""
    transports = ()
    """`link.Transport` objects."""

    def now_ms(self) -> int:
        """Monotonic ms, wrapped by `clock.wrap`."""
        return 0

    def wait(self, timeout_ms: int) -> None:
        """Sleep until something happened on a slot, key, transport, or `timeout_ms` has passed. May return early."""

    def key(self) -> int:
        """Next key: ASCII digit, 0x0D OK, 0x1B cancel, 0x08 correct; 0 when there is none."""
        return 0

    def show(self, line: int, text: str) -> None:
        """Put 20 characters on display line 0-3."""

    def random(self, n: int) -> bytes:
        """`n` bytes fit for keys and identifiers."""
        return b""
