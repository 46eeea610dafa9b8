"""A board and cards for firmware tests inside MicroPython: manual clock, scripted bytes, an in-memory link."""

import binascii
import struct

from tournee_fw import _link
from tournee_fw.app import Terminal
from tournee_fw.clock import wrap
from tournee_fw.hal import Board, CardPort
from tournee_fw.link import Transport

VITALE_ATR = bytes.fromhex("3B7513000047 09EA9000".replace(" ", ""))
CPS3_ATR = bytes.fromhex("3BAC00402A001225006480000310009000")


def unhex(text):
    return bytes.fromhex(text.replace(" ", ""))


class Card(CardPort):
    """A card on a line. `script`: [(bytes expected, bytes answered)]; each answer goes out when its bytes have come.

    After the script, `apdu(header, data)` (if given) answers whole T=0 commands: returns (data, sw).
    """

    def __init__(self, atr=VITALE_ATR, script=(), apdu=None, classes=(1, 2, 3), pps=True, present=True):
        self.present = present
        self.atr = atr
        self.script = list(script)
        self.apdu = apdu
        self.classes = classes
        self.pps = pps
        self.calls = []
        """Contacts in the order they were driven: ("vcc", 1) …"""
        self.got = bytearray()
        self.all = bytearray()
        """Everything received since construction."""
        self.out = bytearray()
        self.vcc_now = self.rst_now = self.clk_now = 0
        self.fd = (372, 1)
        self.parity = self.bad = 0
        """What `refused` and `damaged` tell next."""
        self.trace = True
        self.reset()

    def reset(self):
        self._fresh = True
        self._pending = None
        self._want = 0

    def vcc(self, volt_class):
        self._call("vcc", volt_class)
        self.vcc_now = volt_class

    def rst(self, level):
        self._call("rst", level)
        if level and not self.rst_now and self.vcc_now in self.classes and self.clk_now:
            self.got = bytearray()
            self.reset()
            self.out += self.atr() if callable(self.atr) else self.atr
        self.rst_now = level

    def io(self, level):
        self._call("io", level)

    def clk(self, khz, level=0):
        self._call("clk", khz if khz or not level else "high")
        self.clk_now = khz

    def etu(self, f, d, guard, signal):
        self._call("etu", (f, d, guard, signal))
        self.fd = (f, d)

    def write(self, buf, n):
        data = bytes(buf[:n])
        self.got += data
        if self.trace:
            self.all += data
        self._answer()

    def read_into(self, buf):
        n = min(len(buf), len(self.out))
        buf[:n] = self.out[:n]
        self.out = self.out[n:]
        return n

    def refused(self):
        n, self.parity = self.parity, 0
        return n

    def damaged(self):
        n, self.bad = self.bad, 0
        return n

    def _call(self, what, value):
        if self.trace:
            self.calls.append((what, value))

    def _answer(self):
        if self._fresh and self.got[0] == 0xFF:
            if len(self.got) == 4:
                request = bytes(self.got)
                self.got = bytearray()
                if self.pps is True:
                    self.out += request
                elif self.pps:
                    self.out += self.pps
            return
        self._fresh = False
        if self.script:
            expected, answer = self.script[0]
            if len(self.got) < len(expected):
                return
            if bytes(self.got) != expected:
                raise AssertionError("card got %s, not %s" % (self.got, expected))
            self.got = bytearray()
            self.script.pop(0)
            self.out += answer
        elif self.apdu is not None:
            self._command()

    def _command(self):
        """T=0: everything after a header is either wanted data (asked for by ACK of incoming INS) or the next header."""
        if len(self.got) < 5 + self._want:
            return
        header = bytes(self.got[:5])
        if not self._want and self.incoming(header) and header[4]:
            self._want = header[4]
            self.out += header[1:2]
            return
        data = bytes(self.got[5 : 5 + self._want])
        self.got = bytearray()
        self._want = 0
        answer, sw = self.apdu(header, data)
        if answer:
            self.out += header[1:2] + answer
        self.out += struct.pack(">H", sw)

    def incoming(self, header):
        return header[1] in (0xA4, 0x20, 0x24, 0xD6, 0x2A, 0x88, 0x5A, 0x22)


class Pipe(Transport):
    """A link in memory: `to_board` is read by the terminal, `from_board` is what it wrote; `room` limits what it takes per turn."""

    name = "pipe"

    def __init__(self):
        self.connected = True
        self.to_board = bytearray()
        self.from_board = bytearray()
        self.room = 1 << 20
        self._taken = 0

    def poll(self, now):
        self._taken = 0

    def read_into(self, buf):
        n = min(len(buf), len(self.to_board))
        buf[:n] = self.to_board[:n]
        self.to_board = self.to_board[n:]
        return n

    def write(self, mv):
        n = min(len(mv), self.room - self._taken)
        self._taken += n
        self.from_board += mv[:n]
        return n


class FakeBoard(Board):
    """Manual clock; `wait` only lets time pass."""

    name = "FAKE"

    def __init__(self, cards, pipes=None, t=0):
        self.slots = cards
        self.transports = pipes if pipes is not None else [Pipe()]
        self.t = t
        self.keys = []
        self.lines = [""] * 4
        self.screens = []
        self._boot = 0

    def now_ms(self):
        return wrap(self.t)

    def wait(self, timeout_ms):
        self.t += max(1, timeout_ms)

    def key(self):
        return self.keys.pop(0) if self.keys else 0

    def show(self, line, text):
        self.lines[line] = text
        self.screens.append((line, text))

    def random(self, n):
        self._boot += 1
        return bytes((self._boot,)) * n


class Rig:
    """A terminal with a host that speaks frames: `ask(op, body)` -> (status, body)."""

    def __init__(self, cards, t=0, pipes=None):
        self.board = FakeBoard(cards, pipes, t)
        self.pipe = self.board.transports[0]
        self.terminal = Terminal(self.board, "Tournee-TEST", "00" * 32)
        self.number = 0
        self.seq = 0
        self.events = []
        self._raw = bytearray()
        self._parts = bytearray()
        self.ahead = (0, b"")
        """Number of a script and what it has answered ahead of its response."""
        self.responses = []

    def hello(self, session=b"sessionA", pipe=None):
        self.seq = 0
        self.send(_link.OP_HELLO, b"\x01" + session, 0, pipe)
        status, body = self.wait_for(_link.OP_HELLO, 0, pipe)
        assert status == 0, status
        return body

    def frame(self, message):
        payload = bytes(message)
        body = struct.pack(">BBHH", 1, 0, self.seq, len(payload)) + payload
        self.seq = (self.seq + 1) & 0xFFFF
        return b"\xa5\x5a" + body + struct.pack(">L", binascii.crc32(body))

    def send(self, op, body, number, pipe=None):
        pipe = pipe or self.pipe
        pipe.to_board += self.frame(struct.pack(">BBL", 1, op, number) + body)

    def turn(self):
        """One turn of the loop and the wait it asks for."""
        self.board.wait(min(self.terminal.poll(), 10_000))
        for pipe in self.board.transports:
            self._read(pipe)

    def start(self, op, body=b""):
        """Send the next request; returns its number."""
        self.number += 1
        self.send(op, body, self.number)
        return self.number

    def ask(self, op, body=b""):
        return self.wait_for(op, self.start(op, body))

    def wait_for(self, op, number, pipe=None, turns=3000):
        for _ in range(turns):
            self.turn()
            for i, (got_op, got_number, status, body) in enumerate(self.responses):
                if (got_op, got_number) == (op, number):
                    self.responses.pop(i)
                    return status, body
        raise AssertionError("no answer to op %02X number %d" % (op, number))

    def power(self, slot=0, voltage=0, warm=0):
        return self.ask(_link.OP_POWER_ON, bytes((slot, voltage, warm)))

    def apdu(self, text, slot=0):
        return self.ask(_link.OP_APDU, bytes((slot,)) + unhex(text))

    def _read(self, pipe):
        self._raw += pipe.from_board
        pipe.from_board = bytearray()
        while len(self._raw) >= 12:
            assert self._raw[:2] == b"\xa5\x5a", self._raw[:8]
            flags, _, length = struct.unpack(">BHH", self._raw[3:8])
            if len(self._raw) < 12 + length:
                return
            frame = bytes(self._raw[: 12 + length])
            self._raw = self._raw[12 + length :]
            assert struct.unpack(">L", frame[-4:])[0] == binascii.crc32(frame[2:-4])
            self._parts += frame[8:-4]
            if flags & 1:
                continue
            message, self._parts = bytes(self._parts), bytearray()
            kind, op, number = struct.unpack(">BBL", message[:6])
            if kind == _link.KIND_EVENT and op == _link.EVENT_PART:
                script, offset = struct.unpack(">LH", message[6:12])
                have = self.ahead[1] if self.ahead[0] == script else b""
                assert offset == len(have), (offset, len(have))
                self.ahead = (script, have + message[12:])
            elif kind == _link.KIND_EVENT:
                self.events.append((op, message[6:]))
            elif op == _link.OP_SCRIPT and len(message) > 7:
                offset = struct.unpack(">H", message[7:9])[0]
                assert offset <= len(self.ahead[1]) and (not offset or self.ahead[0] == number)
                self.responses.append((op, number, message[6], self.ahead[1][:offset] + message[9:]))
            else:
                self.responses.append((op, number, message[6], message[7:]))
