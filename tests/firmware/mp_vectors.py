"""The vectors of the protocol, on the device codec."""

import random
import struct

import harness

from tournee_fw import _link, _scripts
from tournee_fw.errors import Refused
from tournee_fw.frames import Receiver, Sender
from tournee_fw.hal import _iobus
from tournee_fw.link import Transport
from tournee_fw.script import Runner

VECTORS = harness.vectors()
_MODULES = {"link": _link, "scripts": _scripts, "iobus": _iobus}


def _snake(name):
    out = ""
    for i, c in enumerate(name):
        out += ("_" if i and c.isupper() else "") + c.lower()
    return out


def _values(value):
    """JSON value of a vector as the codec gives it: bytes for hex strings."""
    if isinstance(value, list):
        return [_values(v) for v in value]
    return bytes.fromhex(value) if isinstance(value, str) else value


def _plain(value):
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return bytes(value) if isinstance(value, memoryview) else value


# Field order of the records, as in the definitions (JSON objects have none here).
FIELDS = {
    "Message": "kind op number body",
    "Hello": "protocol session",
    "HelloReply": "protocol boot_id resumed last_number max_payload slots",
    "InfoReply": "firmware board micropython manifest channel name boot_id pin_locked free_heap uptime_s",
    "SlotEntry": "slot state protocol fidi atr",
    "PowerOn": "slot voltage warm",
    "PowerOnReply": "protocol fidi voltage atr",
    "PowerOff": "slot",
    "Apdu": "slot apdu",
    "Script": "slot script",
    "ScriptAnswer": "step sw data",
    "Part": "number offset data",
    "PinVerify": "slot header min_digits max_digits pad_to pad timeout_s prompt",
    "PinVerifyReply": "sw tries_left",
    "Display": "lines",
    "Confirm": "timeout_s lines",
    "ConfirmReply": "confirmed",
    "SlotEvent": "slot state",
    "Packet": "type slot data",
    "ApduStep": "apdu",
    "ReadStep": "sfi chunk limit",
    "LoopStep": "limit p2_step apdu",
}


def _each(prefix):
    """(function of the codec, raw bytes, fields) of every vector whose record has that function."""
    for vector in VECTORS["records"]:
        module, name = vector["record"].split(".")
        function = getattr(_MODULES[module], prefix + _snake(name), None)
        if function is not None and name in FIELDS:
            yield function, bytes.fromhex(vector["hex"]), [_values(vector["object"][f]) for f in FIELDS[name].split()]


def test_readers_give_the_objects():
    seen = 0
    for read, raw, fields in _each("read_"):
        got = read(memoryview(b"\xee\xee" + raw), 2, 2 + len(raw))
        assert [_plain(v) for v in got[:-1]] == fields, (read, got)
        assert got[-1] == 2 + len(raw)
        seen += 1
    assert seen >= 12, seen


def test_writers_give_the_bytes():
    seen = 0
    for write, raw, fields in _each("write_"):
        buf = memoryview(bytearray(len(raw) + 4))
        end = write(buf, 2, *fields)
        assert end == 2 + len(raw)
        assert bytes(buf[2:end]) == raw, (write, bytes(buf))
        assert bytes(buf[end:]) == b"\0\0"
        seen += 1
    assert seen >= 10, seen


def test_places_are_those_of_the_records():
    """What is read and written in place: `_AT_…`, `_HEAD` and `message_number`."""
    seen = set()
    for vector in VECTORS["records"]:
        raw, fields = bytes.fromhex(vector["hex"]), vector["object"]
        seen.add(vector["record"])
        if vector["record"] == "link.Message":
            head = struct.pack(_link.MESSAGE_HEAD, fields["kind"], fields["op"], fields["number"])
            assert raw[: _link.MESSAGE_AT_BODY] == head
            assert raw[_link.MESSAGE_AT_KIND] == fields["kind"] and raw[_link.MESSAGE_AT_OP] == fields["op"]
            assert _link.message_number(raw) == fields["number"]
            assert raw[_link.MESSAGE_AT_NUMBER : _link.MESSAGE_AT_BODY] == struct.pack(">L", fields["number"])
        elif vector["record"] == "link.Apdu":
            assert raw[_link.APDU_AT_SLOT] == fields["slot"]
            assert raw[_link.APDU_AT_APDU :] == bytes.fromhex(fields["apdu"])
        elif vector["record"] == "link.FrameBody":
            length = raw[_link.FRAME_BODY_AT_LENGTH] << 8 | raw[_link.FRAME_BODY_AT_LENGTH + 1]
            seq = raw[_link.FRAME_BODY_AT_SEQ] << 8 | raw[_link.FRAME_BODY_AT_SEQ + 1]
            assert (seq, length) == (fields["seq"], len(raw) - _link.FRAME_BODY_AT_PAYLOAD)
            head = struct.pack(_link.FRAME_BODY_HEAD, _link.VERSION, raw[_link.FRAME_BODY_AT_FLAGS], seq, length)
            assert raw[_link.FRAME_BODY_AT_VERSION : _link.FRAME_BODY_AT_PAYLOAD] == head
    assert {"link.Message", "link.Apdu", "link.FrameBody"} <= seen


def test_readers_refuse_every_cut():
    """A record cut anywhere before its open end is refused by name, never read beyond."""
    refused = 0
    for read, raw, _ in _each("read_"):
        for cut in range(len(raw)):
            try:
                got = read(memoryview(raw), 0, cut)
                assert got[-1] <= cut
            except ValueError as error:
                assert str(error).endswith(": cut short"), error
                refused += 1
    assert refused > 100, refused


def _run(receiver, feed, pieces):
    """Messages that come out; `pieces(data)` cuts a feed item."""
    now, out = 0, []

    def take():
        while True:
            n = receiver.next()
            if not n:
                return
            out.append(bytes(receiver.message[:n]))

    for item in feed:
        if item == "idle":
            now += _link.IDLE_MS + 1
            while receiver.tick(now):
                take()
            continue
        for piece in pieces(bytes.fromhex(item)):
            while piece:
                room = receiver.room
                n = min(len(room), len(piece))
                assert n
                room[:n] = piece[:n]
                piece = piece[n:]
                receiver.got(n, now)
                take()
    return out


def _check_streams(pieces):
    for stream in VECTORS["streams"]:
        got = _run(Receiver(), stream["feed"], pieces)
        assert got == [bytes.fromhex(m) for m in stream["messages"]], (stream["name"], got)


def test_streams_in_one_piece():
    _check_streams(lambda data: [data])


def test_streams_byte_by_byte():
    _check_streams(lambda data: [data[i : i + 1] for i in range(len(data))])


def test_streams_after_garbage_of_any_kind():
    """A receiver that has seen garbage and then silence gives the same messages."""
    random.seed(7)
    for stream in VECTORS["streams"]:
        receiver = Receiver()
        junk = bytes(random.choice((0xA5, 0x5A, 0x01, 0x00, random.getrandbits(8))) for _ in range(700))
        _run(receiver, [junk.hex(), "idle"], lambda data: [data])
        receiver.restart()
        got = _run(receiver, stream["feed"], lambda data: [data])
        assert got == [bytes.fromhex(m) for m in stream["messages"]], (stream["name"], got)


def test_single_frames_are_written_as_in_the_streams():
    class Sink(Transport):
        def __init__(self):
            self.got = bytearray()

        def write(self, mv):
            n = min(len(mv), 7)
            self.got += mv[:n]
            return n

    for stream in VECTORS["streams"]:
        if stream["name"] in ("one frame", "two frames, one message"):
            sender, sink = Sender(), Sink()
            message = bytes.fromhex(stream["messages"][0])
            sender.send(message, len(message))
            while sender.busy:
                sender.push(sink)
            assert bytes(sink.got) == bytes.fromhex("".join(stream["feed"]))


class _Slot:
    """The slot of a script vector: checks each command, gives its answer."""

    busy = False
    status = 0

    def __init__(self, exchanges):
        self.exchanges = exchanges
        self.at = 0
        self.apdu = self
        self.length = 0
        self.sw = 0

    def transmit(self, apdu, n, out, now):
        want, answer = self.exchanges[self.at]
        self.at += 1
        assert bytes(apdu[:n]) == bytes.fromhex(want), (bytes(apdu[:n]), want)
        answer = bytes.fromhex(answer)
        assert len(answer) <= len(out)
        out[: len(answer)] = answer
        self.length = len(answer)
        self.sw = answer[-2] << 8 | answer[-1]


class _Server:
    cancelled = False
    now = 0

    def __init__(self):
        self.answer = memoryview(bytearray(8600))
        self.answer_at = 7

    def until_idle(self, slot):
        yield


def test_scripts():
    runner = Runner()
    assert len(VECTORS["scripts"]) > 20
    for case in VECTORS["scripts"]:
        server, slot = _Server(), _Slot(case["card"])
        script = memoryview(bytes.fromhex(case["script"]))
        status = 0
        try:
            for _ in runner.run(server, slot, script, len(script)):
                pass
        except Refused as refused:
            status = refused.status
        answers = bytes(server.answer[7 : server.answer_at])
        assert status == case["status"], (case["name"], status)
        assert answers == bytes.fromhex(case["answers"]), (case["name"], answers)
        assert slot.at == len(case["card"]), case["name"]
