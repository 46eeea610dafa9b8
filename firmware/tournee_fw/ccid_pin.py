"""PIN templates of a Secure message [USB CCID 1.1 §6.1.11; order of the message indices as libccid writes them, commands.c].

ASCII digits, left-justified, ended by the OK key. `CcidError` names the offset, in the message, of the field that is not supported.
"""

from micropython import const

from .ccid_frames import HEAD
from .keypad import MAX_DIGITS

VERIFY = const(0)
MODIFY = const(1)
_VERIFY_HEAD = const(15)
VERIFY_PCB = const(13)
"""Offset of the PCB in bTeoPrologue of a verification."""
_MODIFY_HEAD = const(18)  # without the indices of the second and third message
_BAD_LENGTH = const(0x01)
_INS_VERIFY = const(0x20)
_INS_CHANGE = const(0x24)
_CONFIRM_NEW = const(1)
_ASK_CURRENT = const(2)


class CcidError(Exception):
    """`args[0]` is bError: a code of CCID table 6.2-2, or the offset of the field that is wrong."""


def verify_body(message, n, number):
    """The link's PIN_VERIFY body for a Secure message with `n` bytes of data."""
    if n < _VERIFY_HEAD + 4:
        raise CcidError(_BAD_LENGTH)
    block = message[HEAD : HEAD + n]
    least, most, pad_to = _digits(block, 5, 7)
    if block[_VERIFY_HEAD + 1] & 0xFE != _INS_VERIFY:
        raise CcidError(HEAD + _VERIFY_HEAD + 1)
    body = bytearray(11)
    body[0] = number
    body[1:5] = block[_VERIFY_HEAD : _VERIFY_HEAD + 4]
    body[5], body[6], body[7] = least, most, pad_to
    body[8] = block[n - 1] if n > _VERIFY_HEAD + 5 else 0xFF  # the template's own filling
    body[9] = block[1]
    return body


class Change:
    """A PIN modification as asked for: what is typed, and where it goes in CHANGE REFERENCE DATA."""

    def __init__(self, message, n, gemalto):
        """From a Secure message with `n` bytes of data. `gemalto`: all message indices are there, whatever their number [libccid]."""
        if n < _MODIFY_HEAD + 4:
            raise CcidError(_BAD_LENGTH)
        block = message[HEAD : HEAD + n]
        self.least, self.most, pad_to = _digits(block, 7, 10)
        self.ask_current = bool(block[9] & _ASK_CURRENT)
        self.ask_again = bool(block[9] & _CONFIRM_NEW)
        self.timeout_s = block[1]
        at = _MODIFY_HEAD + (2 if gemalto or block[11] >= 3 else 1 if block[11] else 0)
        if n < at + 4:
            raise CcidError(_BAD_LENGTH)
        self.pcb = block[at - 2]
        self.header = bytes(block[at : at + 4])
        if self.header[1] != _INS_CHANGE:
            raise CcidError(HEAD + at + 1)
        self.filling = bytes(block[at + 5 : n])
        """Data of the template: what stays between and behind the codes."""
        if not pad_to and self.least != self.most:
            raise CcidError(HEAD + 3)  # where the second code begins must not depend on the first
        self.size = pad_to or self.most
        """Bytes of each code in the command."""
        self.pad = self.filling[-1] if pad_to and self.filling else 0xFF
        self.at_current, self.at_new = block[5], block[6]
        if self.ask_current and abs(self.at_current - self.at_new) < self.size:
            raise CcidError(HEAD + 6)
        end = max(self.at_new, self.at_current if self.ask_current else 0) + self.size
        self.length = max(end, len(self.filling))
        if self.length > 64:
            raise CcidError(HEAD + 6)


def _digits(block, extra, condition):
    """(least, most, pad to) of either template; `extra` and `condition` are its offsets of wPINMaxExtraDigit and bEntryValidationCondition."""
    if block[2] & 0x7F != 0x02:
        raise CcidError(HEAD + 2)  # ASCII at the front of the data, nothing shifted
    if block[3] >> 4:
        raise CcidError(HEAD + 3)  # no length inside the APDU
    if not block[condition] & 2:
        raise CcidError(HEAD + condition)  # the OK key ends an entry
    pad_to = block[3] & 15
    least, most = max(1, block[extra + 1]), min(block[extra], MAX_DIGITS)
    if least > most or (pad_to and pad_to < most):
        raise CcidError(HEAD + extra)
    return least, most, pad_to
