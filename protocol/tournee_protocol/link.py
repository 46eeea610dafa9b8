"""The link between a host and the terminal: frames and messages, defined once with `construct`.

Host truth; the MicroPython codec, `SPEC.md` and `vectors.json` are generated from here (`python -m tournee_protocol.generate`).

Layers: byte stream -> frame (finds the next good one after any garbage) -> channel (null channel today) -> message.
A message may span several frames (flag MORE on all but the last); requests are at most `MAX_REQUEST` bytes,
responses at most `MAX_RESPONSE`. All integers are big-endian. CRC-32 is that of `binascii.crc32`.
"""

from __future__ import annotations

import binascii
from enum import IntEnum, IntFlag
from typing import Final

from construct import (
    Byte,
    Bytes,
    Checksum,
    Const,
    GreedyBytes,
    GreedyRange,
    Int16ub,
    Int32ub,
    Prefixed,
    RawCopy,
    Rebuild,
    Struct,
    len_,
    this,
)

VERSION: Final = 1
SYNC: Final = b"\xa5\x5a"
HEADER_BYTES: Final = 8
CRC_BYTES: Final = 4
MAX_PAYLOAD: Final = 512
"""Largest frame payload; a length above it is refused before anything is allocated."""
MAX_REQUEST: Final = 1024
MAX_RESPONSE: Final = 8192
BLE_CHUNK_BYTES: Final = 244
"""A BLE value carries at most min(MTU - 3, 244) bytes of the frame stream; 20 until the MTU is known."""
BLE_NAME_BYTES: Final = 29
"""A terminal's name (UTF-8) as long as a scan response takes it: 31 less length and type; hosts find it by the whole name."""
IDLE_MS: Final = 400
"""A frame begun and silent for so long is given up: its sync is dropped and the rest searched again."""
SESSION_IDLE_MS: Final = 900_000
"""A session without a request for so long has its slots powered off: no PIN outlives the attention of its holder."""
DEFAULT_TCP_PORT: Final = 9750

BLE_SERVICE: Final = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
BLE_RX: Final = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
"""Host to terminal (write, write without response)."""
BLE_TX: Final = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
"""Terminal to host (notify)."""
PART_BYTES: Final = 220
"""Data of an event PART: its frame (8 + 4), message head (6) and own head (6) fill one BLE value."""
ANSWER_MORE: Final = 0x80
"""Bit of `ScriptAnswer.step`: the same answer goes on in the next one."""


class Flag(IntFlag):
    """Frame flags; the other bits are zero and a frame that sets one is refused."""

    MORE = 0x01
    SEALED = 0x80  # payload is a record of the secure channel; never set on the null channel


class Kind(IntEnum):
    REQUEST = 1
    RESPONSE = 2
    EVENT = 3


class Op(IntEnum):
    """Requests. Numbers are never reused for another meaning."""

    HELLO = 0x01
    INFO = 0x02
    PING = 0x03  # out of band: number 0, answered even while another request runs
    CANCEL = 0x04  # out of band: ends the keypad entry or script in progress
    GOODBYE = 0x05
    SLOTS = 0x10
    POWER_ON = 0x11
    POWER_OFF = 0x12
    APDU = 0x13
    TPDU = 0x14
    SCRIPT = 0x15
    PIN_VERIFY = 0x20
    DISPLAY = 0x21
    CONFIRM = 0x22
    LOG = 0x30
    REPL = 0x31  # out of band: leaves this line to MicroPython's REPL; BUSY while a card is powered, FORBIDDEN where none is behind
    DIAG = 0x32


class Event(IntEnum):
    """Unasked messages of the terminal; their number counts up from 1 since boot and is not acknowledged."""

    BOOT = 0x01  # body: boot_id
    SLOT = 0x02  # body: slot, state
    KEYPAD = 0x03  # body: KeypadState; says that somebody types, never what
    BUSY = 0x04  # body: op, number: a long request still runs (sent about every second)
    PART = 0x05  # body: Part: what the SCRIPT that runs has answered so far, ahead of its response


class Status(IntEnum):
    """First byte of a response: 0, or why the terminal could not do it. A card's SW is data, never a status."""

    OK = 0
    BAD_MESSAGE = 1
    UNKNOWN_OP = 2
    NO_SESSION = 3  # HELLO first
    STALE = 4  # number below the last answered one
    BUSY = 5  # another request runs
    BAD_SLOT = 6
    NO_CARD = 7
    MUTE = 8  # no ATR in any class
    REMOVED = 9  # card gone during the exchange
    PROTOCOL = 10  # the card broke ISO 7816-3
    PARITY = 11
    TIMEOUT = 12  # waiting time of the card exceeded
    NOT_POWERED = 13
    BAD_ATR = 14
    PPS_FAILED = 15
    TOO_LONG = 16
    CANCELLED = 17  # on the keypad or by CANCEL
    KEYPAD_TIMEOUT = 18
    PIN_BLOCKED = 19  # counter at zero: VERIFY was not sent
    LAST_TRY_REFUSED = 20  # the person did not confirm the last try
    SCRIPT_INVALID = 21
    SCRIPT_LIMIT = 22  # steps or bytes
    FORBIDDEN = 23  # e.g. VERIFY with data in an APDU: a PIN never crosses the link
    INTERNAL = 24


class SlotState(IntEnum):
    ABSENT = 0
    PRESENT = 1
    POWERED = 2


class KeypadState(IntEnum):
    OPENED = 1
    TYPING = 2
    CLOSED = 3


class Voltage(IntEnum):
    AUTO = 0
    A_5V = 1
    B_3V = 2
    C_1V8 = 3


def crc32(data: bytes) -> int:
    return binascii.crc32(data) & 0xFFFFFFFF


FrameBody = Struct(
    "version" / Const(VERSION, Byte),
    "flags" / Byte,
    "seq" / Int16ub,
    "length" / Rebuild(Int16ub, len_(this.payload)),
    "payload" / Bytes(this.length),
)
Frame = Struct(
    "sync" / Const(SYNC),
    "body" / RawCopy(FrameBody),
    "crc" / Checksum(Int32ub, crc32, this.body.data),
)
"""sync(2) version(1) flags(1) seq(2) length(2) payload(length) crc(4).

`seq` counts frames per direction modulo 65536 from 0 at HELLO's frame; a gap inside a message discards that message.
"""

Message = Struct(
    "kind" / Byte,
    "op" / Byte,
    "number" / Int32ub,
    "body" / GreedyBytes,
)
"""kind(1) op(1) number(4) body. A response's body begins with `Status`; an event's op is an `Event`."""

ShortText = Prefixed(Byte, GreedyBytes)
"""UTF-8, at most 255 bytes."""

Hello = Struct("protocol" / Byte, "session" / Bytes(8))
HelloReply = Struct(
    "protocol" / Byte,
    "boot_id" / Bytes(8),
    "resumed" / Byte,  # 1: same session as before, its last answer is kept
    "last_number" / Int32ub,  # last number answered in this session, 0 if none
    "max_payload" / Int16ub,
    "slots" / Byte,
)
InfoReply = Struct(
    "firmware" / ShortText,  # version
    "board" / ShortText,
    "micropython" / ShortText,
    "manifest" / ShortText,  # SHA-256 of the firmware files, hex
    "channel" / ShortText,  # "none" today
    "name" / ShortText,
    "boot_id" / Bytes(8),
    "pin_locked" / Byte,  # 1: no PIN verified in any slot
    "free_heap" / Int32ub,  # bytes
    "uptime_s" / Int32ub,
)
SlotEntry = Struct("slot" / Byte, "state" / Byte, "protocol" / Byte, "fidi" / Byte, "atr" / Prefixed(Byte, GreedyBytes))
SlotsReply = Struct("slots" / GreedyRange(SlotEntry))
PowerOn = Struct("slot" / Byte, "voltage" / Byte, "warm" / Byte)
PowerOnReply = Struct("protocol" / Byte, "fidi" / Byte, "voltage" / Byte, "atr" / Prefixed(Byte, GreedyBytes))
PowerOff = Struct("slot" / Byte)
Apdu = Struct("slot" / Byte, "apdu" / GreedyBytes)
"""Body of APDU and TPDU; the answer's body after the status is data + SW1 SW2, of a TPDU on T=1 the card's block."""
Script = Struct("slot" / Byte, "script" / GreedyBytes)
"""`script`: see `tournee_protocol.scripts`."""
ScriptReply = Struct("offset" / Int16ub, "answers" / GreedyBytes)
"""After the status, whatever it is. `answers`: a sequence of `ScriptAnswer`, of which the first `offset` bytes went ahead in PARTs; in
an answer that is repeated it is 0 and nothing is missing."""
ScriptAnswer = Struct("step" / Byte, "sw" / Int16ub, "data" / Prefixed(Int16ub, GreedyBytes))
"""`step` counts from 0; with bit 0x80 the data go on in the next one (a READ: one for each command)."""
Part = Struct("number" / Int32ub, "offset" / Int16ub, "data" / GreedyBytes)
"""`data`: the answers of request `number` from byte `offset` on, at most PART_BYTES."""
PinVerify = Struct(
    "slot" / Byte,
    "header" / Bytes(4),  # CLA INS P1 P2 of VERIFY
    "min_digits" / Byte,
    "max_digits" / Byte,
    "pad_to" / Byte,  # 0: no padding
    "pad" / Byte,
    "timeout_s" / Byte,
    "prompt" / ShortText,  # shown on the display, at most 20 characters
)
PinVerifyReply = Struct("sw" / Int16ub, "tries_left" / Byte)
"""`tries_left` 0xFF when the card does not say. SW 0x9000: verified."""
Display = Struct("lines" / GreedyRange(ShortText))
"""At most 4 lines of 20 characters; none restores the idle screen."""
Confirm = Struct("timeout_s" / Byte, "lines" / GreedyRange(ShortText))
ConfirmReply = Struct("confirmed" / Byte)
LogReply = Struct("text" / GreedyBytes)
DiagReply = Struct("text" / GreedyBytes)
"""ASCII lines `name value`: battery_percent (-1 without a gauge), clock_ms (monotonic, wraps at 2**30), heap_free, card_clock_khz."""
SlotEvent = Struct("slot" / Byte, "state" / Byte)
