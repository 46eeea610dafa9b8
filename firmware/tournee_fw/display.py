"""The 4 x 20 display: what the host asked for or the idle screen, and over it what the keypad entry shows."""

from . import texts
from ._link import SLOT_ABSENT, SLOT_POWERED
from .clock import NEVER, left, wrap

_LINES = 4


class Display:
    """`show` takes the screen for an entry, `flash` for some ms, `release` gives it back; `host` sets the screen below."""

    def __init__(self, board, slots, name):
        self._board = board
        self._slots = slots
        self._name = name
        self._shown = [""] * _LINES
        self._host = None
        self._held = False
        self.until = -1
        """When a flash is over, -1: there is none."""
        self.battery = -1
        """Percent that is shown; `poll` when the board's is another."""

    def start(self) -> None:
        self._below()

    def host(self, lines) -> None:
        """Lines of the host (texts), or an empty list for the idle screen."""
        self._host = lines or None
        if not self._held:
            self._below()

    def show(self, *lines: str) -> None:
        self._held = True
        self.until = -1
        self._put(lines)

    def flash(self, now: int, ms: int, *lines: str) -> None:
        self._held = True
        self.until = wrap(now + ms)
        self._put(lines)

    def release(self) -> None:
        """Give the screen back, unless a flash still runs."""
        if self.until < 0:
            self._held = False
            self._below()

    def refresh(self) -> None:
        """A card came, went or was powered."""
        if not self._held and self._host is None:
            self._below()

    def poll(self, now: int) -> None:
        if self.until >= 0 and not left(now, self.until):
            self.until = -1
            self.release()
        if self._board.battery != self.battery:
            self.battery = self._board.battery
            self.refresh()

    def due_ms(self, now: int) -> int:
        return left(now, self.until) if self.until >= 0 else NEVER

    def _below(self):
        if self._host is not None:
            self._put(self._host)
            return
        lines = [self._name]
        for slot in self._slots[: _LINES - 1]:
            state = slot.link_state
            text = texts.CARD_PRESENT
            if state == SLOT_ABSENT:
                text = texts.CARD_ABSENT
            elif state == SLOT_POWERED:
                text = texts.CARD_POWERED
            lines.append(text % (slot.number + 1))
        if self.battery >= 0:
            lines.append(texts.BATTERY % self.battery)
        self._put(lines)

    def _put(self, lines):
        for i in range(_LINES - 1, -1, -1):  # the title last: under a new title nothing of the old screen is left
            text = texts.line(lines[i] if i < len(lines) else "")
            if text != self._shown[i]:
                self._shown[i] = text
                self._board.show(i, text)
