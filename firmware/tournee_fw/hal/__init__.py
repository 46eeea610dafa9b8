"""Contracts between the firmware core and a board. One module per board family implements them (`hal/unix.py`, …)."""


class CardPort:
    """One card slot: contacts and the card UART; it starts with all contacts low. Bytes are raw, as a direct-convention UART with 8 bits sees them.

    Parity is checked here: it is even as the card sees it, so odd for a direct UART when the first character after `rst(1)`
    reads 03 (inverse convention). The echo of sent characters is taken out. `present` may change at any time, without a call.
    """

    present = False
    removed = False
    """Set by the board whenever a card leaves, cleared by the slot: a card pulled and put back between two looks is another card."""

    def vcc(self, volt_class: int) -> None:
        """0 off, 1 class A 5 V, 2 class B 3 V, 3 class C 1.8 V."""

    def io(self, level: int) -> None:
        """I/O: 1 let go, pulled up and received; 0 held low, for a card without supply."""

    def rst(self, level: int) -> None:
        """Drive RST to 0 or 1."""

    def clk(self, khz: int, level: int = 0) -> None:
        """Clock the card; 0 stops at `level`. Back from a stop it returns 700 clocks later [ISO 7816-3 §6.3.2]."""

    def etu(self, f: int, d: int, guard: int, signal: bool) -> None:
        """From the next character on, one etu is f/d clocks and sent characters are 12 + `guard` etu apart (-1: T=1's 11).

        `signal`: T=0 rules, error signal and repetition both ways [ISO 7816-3 §7.3]. Without it (answer to reset, PPS, T=1)
        nothing is signalled and a damaged character is delivered as it came.
        """

    def write(self, buf, n: int) -> None:
        """Send the first `n` bytes of `buf` (at most 261), no sooner than 16 etu after the last received character's start."""

    def read_into(self, buf) -> int:
        """Move received characters into `buf`, return how many."""
        return 0

    def clear(self, buf) -> None:
        """A new command begins: what has come so far, was refused or damaged, counts no more. `buf` may be used."""
        while self.read_into(buf):
            pass
        self.refused()
        self.damaged()

    def refused(self) -> int:
        """How many characters of the last `write` the card has not: the one it refused and those after it; told once.

        The port has stopped there and holds them back for good; the caller writes them again. A UART that repeats by
        itself does so three times and tells -1 when it gives up. 0: nothing refused.
        """
        return 0

    def damaged(self) -> int:
        """How many characters came with wrong parity since the last call, those of the last `read_into` among them.

        With `signal` only those that stayed damaged after three error signals; they are not delivered.
        """
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

    def held(self) -> bool:
        """Whether the cancel key is down; asked once, at power-on."""
        return False

    def show(self, line: int, text: str) -> None:
        """Put 20 characters on display line 0-3."""

    def random(self, n: int) -> bytes:
        """`n` bytes fit for keys and identifiers."""
        return b""
