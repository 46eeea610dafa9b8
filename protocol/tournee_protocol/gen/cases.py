"""The cases of vectors.json, typed by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

IDLE = "idle"
"""In a stream: the line is silent for more than IDLE_MS."""


@dataclass(frozen=True)
class Fr:
    """A frame inside a stream; `cut` keeps only its first bytes, `flip` inverts one bit of the byte at that offset."""

    payload: bytes
    seq: int
    flags: int = 0
    cut: int | None = None
    flip: int | None = None


Part = bytes | Fr | tuple["bytes | Fr", ...]


@dataclass(frozen=True)
class Stream:
    """What comes on the line (each item in one piece, or IDLE), and the whole messages that must come out, in order."""

    name: str
    feed: tuple[str | Part, ...]
    messages: tuple[bytes, ...]


def bytes_of(part: Part, build: Callable[[bytes, int, int], bytes]) -> bytes:
    if isinstance(part, tuple):
        return b"".join(bytes_of(p, build) for p in part)
    if isinstance(part, bytes):
        return part
    raw = bytearray(build(part.payload, part.seq, part.flags))
    if part.flip is not None:
        raw[part.flip] ^= 0x10
    return bytes(raw[: part.cut])


_BOOT = bytes.fromhex("0102030405060708")
_ATR = bytes.fromhex("3B7513000047 09EA9000")
_SHA = b"0123456789abcdef" * 4

RECORDS: list[tuple[str, dict[str, Any]]] = [
    ("link.FrameBody", {"flags": 1, "seq": 65535, "payload": b"\x01\x03\x00\x00\x00\x00"}),
    ("link.FrameBody", {"flags": 0, "seq": 0, "payload": b""}),
    ("link.Message", {"kind": 1, "op": 3, "number": 0, "body": b""}),
    ("link.Message", {"kind": 2, "op": 0x13, "number": 0x01020304, "body": b"\x00\x90\x00"}),
    ("link.Hello", {"protocol": 1, "session": b"sessionA"}),
    (
        "link.HelloReply",
        {"protocol": 1, "boot_id": _BOOT, "resumed": 1, "last_number": 4294967295, "max_payload": 512, "slots": 2},
    ),
    (
        "link.InfoReply",
        {
            "firmware": b"0.1.0",
            "board": b"UNIX",
            "micropython": b"1.29.0",
            "manifest": _SHA,
            "channel": b"none",
            "name": "Tournée-0001".encode(),
            "boot_id": _BOOT,
            "pin_locked": 1,
            "free_heap": 131072,
            "uptime_s": 3600,
        },
    ),
    ("link.SlotEntry", {"slot": 1, "state": 2, "protocol": 0, "fidi": 0x13, "atr": _ATR}),
    ("link.SlotEntry", {"slot": 0, "state": 0, "protocol": 0, "fidi": 0, "atr": b""}),
    (
        "link.SlotsReply",
        {
            "slots": [
                {"slot": 0, "state": 1, "protocol": 0, "fidi": 0, "atr": b""},
                {"slot": 1, "state": 2, "protocol": 0, "fidi": 0x13, "atr": _ATR},
            ]
        },
    ),
    ("link.PowerOn", {"slot": 1, "voltage": 0, "warm": 1}),
    ("link.PowerOnReply", {"protocol": 0, "fidi": 0x11, "voltage": 1, "atr": _ATR}),
    ("link.PowerOff", {"slot": 1}),
    ("link.Apdu", {"slot": 0, "apdu": bytes.fromhex("00A4090404 3F00D003")}),
    ("link.Script", {"slot": 0, "script": bytes.fromhex("0101000500B0000000")}),
    ("link.ScriptAnswer", {"step": 2, "sw": 0x6282, "data": b"\xff" * 300}),
    ("link.ScriptAnswer", {"step": 0, "sw": 0x6A82, "data": b""}),
    ("link.ScriptReply", {"offset": 220, "answers": bytes.fromhex("00 9000 0002 ABCD")}),
    ("link.Part", {"number": 7, "offset": 220, "data": b"\x01\x02\x03"}),
    (
        "link.PinVerify",
        {
            "slot": 0,
            "header": bytes.fromhex("00200001"),
            "min_digits": 4,
            "max_digits": 4,
            "pad_to": 0,
            "pad": 0xFF,
            "timeout_s": 30,
            "prompt": b"Code porteur",
        },
    ),
    ("link.PinVerifyReply", {"sw": 0x63C2, "tries_left": 2}),
    ("link.PinVerifyReply", {"sw": 0x9000, "tries_left": 0xFF}),
    ("link.Display", {"lines": [b"Visite 3", "Prêt".encode(), b"", b"x" * 20]}),
    ("link.Display", {"lines": []}),
    ("link.Confirm", {"timeout_s": 20, "lines": [b"Signer la facture ?", b"40,00 EUR"]}),
    ("link.ConfirmReply", {"confirmed": 1}),
    ("link.LogReply", {"text": b"12 boot\n"}),
    ("link.DiagReply", {"text": b"battery_percent 87\nclock_ms 61000\n"}),
    ("link.SlotEvent", {"slot": 1, "state": 0}),
    ("iobus.Packet", {"type": 0x04, "slot": 1, "data": bytes.fromhex("017404")}),
    ("iobus.Packet", {"type": 0x42, "slot": 0, "data": b"\x0d"}),
    ("scripts.ApduStep", {"apdu": bytes.fromhex("00A404000DE8")}),
    ("scripts.ReadStep", {"sfi": 2, "chunk": 0, "limit": 65535}),
    ("scripts.LoopStep", {"limit": 9, "p2_step": 8, "apdu": bytes.fromhex("00B2010400")}),
    ("scripts.Step", {"kind": 2, "flags": 1, "body": {"sfi": 1, "chunk": 231, "limit": 512}}),
    (
        "scripts.Steps",
        {
            "steps": [
                {"kind": 1, "flags": 3, "body": {"apdu": bytes.fromhex("00A4020C022F00")}},
                {"kind": 3, "flags": 0, "body": {"limit": 5, "p2_step": 1, "apdu": bytes.fromhex("00B2000400")}},
            ]
        },
    ),
]

_PING = bytes.fromhex("01 03 00000000")
_INFO = bytes.fromhex("01 02 00000001")
_APDU = bytes.fromhex("01 13 00000002 00 00A4090404 3F00D003")
_LONG = bytes.fromhex("01 15 00000003 00") + bytes(range(256)) * 3
_HOLDS_SYNC = bytes.fromhex("01 03 00000000 A55A0100 A55A")
_MORE = 1
_SEALED = 0x80

STREAMS: list[Stream] = [
    Stream("one frame", (Fr(_PING, 0),), (_PING,)),
    Stream("empty line", (b"", IDLE), ()),
    Stream("two frames in one piece", ((Fr(_PING, 0), Fr(_INFO, 1)),), (_PING, _INFO)),
    Stream("garbage before", ((b"\x00\xff\x03AT\r\n", Fr(_PING, 0)),), (_PING,)),
    Stream("a lone sync byte before", ((b"\xa5", Fr(_PING, 0)),), (_PING,)),
    Stream("a sync before the frame", ((b"\xa5\x5a", Fr(_PING, 0)),), (_PING,)),
    Stream("sync bytes inside the payload", ((Fr(_HOLDS_SYNC, 0), Fr(_PING, 1)),), (_HOLDS_SYNC, _PING)),
    Stream("wrong version", ((bytes.fromhex("A55A0200000000060103"), Fr(_PING, 0)),), (_PING,)),
    Stream("unknown flag", ((bytes.fromhex("A55A0102000000060103"), Fr(_PING, 0)),), (_PING,)),
    Stream(
        "length beyond the limit, refused at the header", ((bytes.fromhex("A55A010000000201"), Fr(_PING, 0)),), (_PING,)
    ),
    Stream("header cut, then silence", (Fr(_INFO, 0, cut=5), IDLE, Fr(_PING, 0)), (_PING,)),
    Stream("payload cut, then silence", (Fr(_LONG[:300], 0, cut=100), IDLE, Fr(_PING, 0)), (_PING,)),
    Stream(
        "a good frame behind a cut one, seen after silence",
        ((Fr(_LONG[:300], 0, cut=100), Fr(_PING, 0)), IDLE),
        (_PING,),
    ),
    Stream(
        "CRC wrong, good frame swallowed by its length is found",
        ((Fr(_LONG[:64], 0, flip=20), Fr(_PING, 0)),),
        (_PING,),
    ),
    Stream(
        "length flipped upwards swallows the next frames until silence",
        ((Fr(_PING, 0, flip=7), Fr(_INFO, 0)), IDLE),
        (_INFO,),
    ),
    Stream("two frames, one message", (Fr(_LONG[:512], 0, _MORE), Fr(_LONG[512:], 1)), (_LONG,)),
    Stream("three frames, odd cuts", (Fr(_APDU[:1], 0, _MORE), Fr(_APDU[1:7], 1, _MORE), Fr(_APDU[7:], 2)), (_APDU,)),
    Stream("seq wraps inside a message", (Fr(_APDU[:4], 65535, _MORE), Fr(_APDU[4:], 0)), (_APDU,)),
    Stream("a frame lost inside a message", (Fr(_APDU[:4], 5, _MORE), Fr(_APDU[9:], 7), Fr(_PING, 8)), (_PING,)),
    Stream(
        "head of a message lost: its tail is not taken for one",
        (Fr(_INFO, 4), Fr(_PING, 6), Fr(_APDU, 7)),
        (_INFO, _APDU),
    ),
    Stream("seq 0 outside a message begins anew", (Fr(_INFO, 9), Fr(_PING, 0), Fr(_APDU, 1)), (_INFO, _PING, _APDU)),
    Stream("seq 0 inside a message begins nothing", (Fr(b"", 7, _MORE), Fr(_PING, 0), Fr(_APDU, 1)), (_APDU,)),
    Stream("a sealed frame is ignored without a channel", (Fr(_APDU, 0, _SEALED), Fr(_PING, 0)), (_PING,)),
]

_FILE = bytes(range(0x30, 0x30 + 20))


def _step(kind: int, flags: int, body: str) -> str:
    raw = bytes.fromhex(body)
    return (bytes([kind, flags]) + len(raw).to_bytes(2, "big") + raw).hex().upper()


def _script(name: str, steps: list[str], card: list[tuple[str, str]], status: int, answers: str) -> dict[str, Any]:
    """`card`: the exchanges that must take place, in order, as the APDU layer sees them (61xx and 6Cxx already followed)."""
    return {
        "name": name,
        "script": "".join(steps),
        "card": [[_hex(command), _hex(answer)] for command, answer in card],
        "status": status,
        "answers": _hex(answers),
    }


def _hex(text: str) -> str:
    return bytes.fromhex(text).hex().upper()


_SELECT = "00A4020C022F00"

SCRIPTS: list[dict[str, Any]] = [
    _script("one APDU", [_step(1, 0, _SELECT)], [(_SELECT, "9000")], 0, "00 9000 0000"),
    _script("answer data", [_step(1, 0, "00CA000002")], [("00CA000002", "ABCD 9000")], 0, "00 9000 0002 ABCD"),
    _script(
        "stop on error",
        [_step(1, 1, _SELECT), _step(1, 0, "00B0000000")],
        [(_SELECT, "6A82")],
        0,
        "00 6A82 0000",
    ),
    _script(
        "skip on error jumps over one step",
        [_step(1, 2, _SELECT), _step(1, 0, "00B0000001"), _step(1, 0, "00B0000002")],
        [(_SELECT, "6A82"), ("00B0000002", "0102 9000")],
        0,
        "00 6A82 0000 02 9000 0002 0102",
    ),
    _script(
        "a warning is no error; quiet holds it back",
        [_step(1, 5, _SELECT), _step(1, 0, "00B0000001")],
        [(_SELECT, "6283"), ("00B0000001", "07 9000")],
        0,
        "01 9000 0001 07",
    ),
    _script("quiet still says an error", [_step(1, 4, _SELECT)], [(_SELECT, "6982")], 0, "00 6982 0000"),
    _script(
        "read to a short answer",
        [_step(2, 0, "02 08 FFFF")],
        [("00B0820008", "3031323334353637 9000"), ("00B0000808", "38393A 6282")],
        0,
        "80 9000 0008 3031323334353637 00 9000 0003 38393A",
    ),
    _script(
        "read to 6B00, current EF",
        [_step(2, 0, "00 04 FFFF")],
        [("00B0000004", "30313233 9000"), ("00B0000404", "6B00")],
        0,
        "80 9000 0004 30313233 00 9000 0000",
    ),
    _script(
        "read no more than the limit",
        [_step(2, 0, "01 08 000A")],
        [("00B0810008", "3031323334353637 9000"), ("00B0000802", "3839 9000")],
        0,
        "80 9000 0008 3031323334353637 00 9000 0002 3839",
    ),
    _script(
        "read refused", [_step(2, 1, "03 00 0100"), _step(1, 0, _SELECT)], [("00B0830000", "6982")], 0, "00 6982 0000"
    ),
    _script(
        "a quiet read emits nothing",
        [_step(2, 4, "01 08 0009"), _step(1, 0, _SELECT)],
        [("00B0810008", "3031323334353637 9000"), ("00B0000801", "38 9000"), (_SELECT, "9000")],
        0,
        "01 9000 0000",
    ),
    _script("read an empty file", [_step(2, 0, "00 10 0100")], [("00B0000010", "6282")], 0, "00 6282 0000"),
    _script(
        "loop over P2 until another SW",
        [_step(3, 1, "05 08 00B2010400"), _step(1, 0, _SELECT)],
        [("00B2010400", "AA 9000"), ("00B2010C00", "BB 9000"), ("00B2011400", "6A83"), (_SELECT, "9000")],
        0,
        "00 9000 0001 AA 00 9000 0001 BB 00 6A83 0000 01 9000 0000",
    ),
    _script(
        "loop to its limit",
        [_step(3, 0, "02 01 00B200FF00")],
        [("00B200FF00", "AA 9000"), ("00B2000000", "BB 9000")],
        0,
        "00 9000 0001 AA 00 9000 0001 BB",
    ),
    _script(
        "loop: error in the first turn stops",
        [_step(3, 1, "02 01 00B2000400"), _step(1, 0, _SELECT)],
        [("00B2000400", "6A82")],
        0,
        "00 6A82 0000",
    ),
    _script("empty script", [], [], 0, ""),
    _script("unknown step kind", [_step(9, 0, "00")], [], 21, ""),
    _script("unknown flag", [_step(1, 0x10, _SELECT)], [], 21, ""),
    _script("step cut short", ["0100000800A4"], [], 21, ""),
    _script("APDU too short, found before anything is sent", [_step(1, 0, _SELECT), _step(1, 0, "00A4")], [], 21, ""),
    _script(
        "VERIFY with data, found before anything is sent",
        [_step(1, 0, _SELECT), _step(1, 0, "0020000101AA")],
        [],
        23,
        "",
    ),
    _script("VERIFY chained in another class", [_step(1, 0, "9020000101AA")], [], 23, ""),
    _script("VERIFY in a loop", [_step(3, 0, "02 01 0020000101AA")], [], 23, ""),
    _script(
        "VERIFY without data is a status query", [_step(1, 0, "00200001")], [("00200001", "63C3")], 0, "00 63C3 0000"
    ),
    _script("change reference data", [_step(1, 0, "0024000102AABB")], [], 23, ""),
    _script("envelope could wrap one", [_step(1, 0, "00C2000001AA")], [], 23, ""),
    _script("too many steps", [_step(1, 0, _SELECT)] * 65, [], 21, ""),
]
