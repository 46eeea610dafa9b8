"""What an operation needs of the personality that runs it (link server, CCID): waiting for a slot, and for a key."""

from . import _link
from .clock import left, wrap
from .errors import Refused


class Desk:
    """`now`, `board`, `cancelled` and `deadline` are kept by the personality; operations are its generators."""

    def __init__(self, board, display):
        self.board = board
        self.display = display
        self.now = board.now_ms()
        self.cancelled = False
        self.deadline = -1
        """Of the keypad entry that runs, or -1."""

    def until_idle(self, slot):
        """Generator (it yields what it waits for): until the slot has finished; Refused with its status if that is not OK."""
        while slot.busy:
            yield slot
        if slot.status != _link.STATUS_OK:
            raise Refused(slot.status)

    def key(self, slot, timeout_ms):
        """Generator: the next key. Refused on CANCEL, time-out, or when `slot`'s card is gone."""
        self.deadline = wrap(self.now + timeout_ms)
        try:
            while True:
                if self.cancelled:
                    raise Refused(_link.STATUS_CANCELLED)
                if slot is not None and slot.link_state != _link.SLOT_POWERED:
                    gone = slot.link_state == _link.SLOT_ABSENT
                    raise Refused(_link.STATUS_REMOVED if gone else _link.STATUS_NOT_POWERED)
                key = self.board.key()
                if key:
                    return key
                if not left(self.now, self.deadline):
                    raise Refused(_link.STATUS_KEYPAD_TIMEOUT)
                yield
        finally:
            self.deadline = -1
