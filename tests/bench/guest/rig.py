"""Runs in MicroPython on the Cortex-M3 (tests/tools/cortex.py): the real terminal on a board whose lines are buffers, and a counter.

Card ports are the expander's, with its ring already filled and nothing behind it; the link is a buffer each way. What follows this file in
the text that is run measures with `count`, and prints one line of JSON.
"""

import gc
import json
from binascii import crc32
from struct import pack_into

from machine import mem32
from micropython import const

from tournee_fw import _link
from tournee_fw.app import Terminal
from tournee_fw.hal import Board
from tournee_fw.hal.expander import ExpanderPort
from tournee_fw.link import Transport
from tournee_fw.slots import CARD_ATR

_TIMER = const(0x40001000)  # CMSDK timer 1: 25 MHz, downwards
_VALUE = const(0x40001004)
ATR = bytes.fromhex("3B7513000047" + "09EA9000")
READ_57 = bytes.fromhex("00B0000039")
BLOCK = b"\xb0" + bytes(57) + b"\x90\x00"
SINGLE = b"\x4f\x00" * 57 + b"\x90\x00"


class Bus:
    def command(self, kind, slot, data):
        return b""


class Port(ExpanderPort):
    def __init__(self):
        super().__init__(Bus(), 0)
        self.present = True
        self.sent = b""

    def fill(self):
        pass

    def _transmit(self, view):
        self.sent = view

    def load(self, data):
        """Bytes of the card, received."""
        self._view[: len(data)][:] = data
        self._head = 0
        self._count = len(data)


class Wire(Transport):
    name = "wire"

    def __init__(self):
        self.connected = True
        self._in = memoryview(bytearray(600))
        self._at = self._n = 0
        self._out = memoryview(bytearray(600))
        self.written = 0

    def due_ms(self, now):
        return 0x1FFFFFFF

    def read_into(self, buf):
        n = min(self._n - self._at, len(buf))
        if n:
            buf[:n][:] = self._in[self._at : self._at + n]
            self._at += n
        return n

    def write(self, mv):
        n = len(mv)
        self._out[:n][:] = mv
        self.written += n
        return n

    def load(self, data):
        """Bytes of the host, received."""
        self._in[: len(data)][:] = data
        self._at = 0
        self._n = len(data)
        self.written = 0


class RamBoard(Board):
    name = "RAM"

    def __init__(self):
        self.slots = [Port(), Port()]
        self.wire = Wire()
        self.transports = [self.wire]
        self.battery = -1
        self.ms = 0

    def now_ms(self):
        return self.ms

    def random(self, n):
        return bytes(n)


class Host:
    """Frames of a host that asks one thing after the other."""

    def __init__(self):
        self.seq = self.number = 0

    def frame(self, op, body, number=None):
        raw = bytearray(300)
        view = memoryview(raw)
        if number is None:
            self.number += 1
            number = self.number
        at = _link.HEADER_BYTES
        head = _link.MESSAGE_AT_BODY
        n = head + len(body)
        pack_into(_link.FRAME_BODY_HEAD, view, 2, _link.VERSION, 0, self.seq, n)
        pack_into(_link.MESSAGE_HEAD, view, at, _link.KIND_REQUEST, op, number)
        view[at + head : at + n] = body
        raw[0], raw[1] = 0xA5, 0x5A
        pack_into(">L", raw, at + n, crc32(view[2 : at + n]))
        self.seq += 1
        return bytes(view[: at + n + 4])


def turns(n):
    for _ in range(n):
        board.ms += 5
        terminal.poll()


def ask(op, body, number=None):
    board.wire.load(host.frame(op, body, number))
    turns(4)


def power_on():
    ask(_link.OP_HELLO, bytes((_link.VERSION,)) + b"SESSION1", 0)
    for number in (0, 1):
        port = board.slots[number]
        ask(_link.OP_POWER_ON, bytes((number, 0, 0)))
        while terminal.slots[number].state != CARD_ATR:
            turns(1)
        port.load(ATR)
        turns(1)
        port.load(bytes(port.sent))  # PPS is echoed
        turns(4)
        assert terminal.slots[number].link_state == _link.SLOT_POWERED


def count(work, argument):
    """Instructions of `work(argument)`, without those of the call."""
    before = mem32[_VALUE]
    work(argument)
    return (before - mem32[_VALUE]) * 40 // 64 - call


def turn(_):
    terminal.poll()


def transmit(answer):
    """READ BINARY is out, `answer` has come."""
    terminal.slots[0].transmit(READ_57, 5, out, board.ms)
    board.slots[0].load(answer)


def apdu():
    """(instructions, bytes taken from the heap) of one READ BINARY of 57 bytes, from the host's frame to the answer's."""
    board.ms += 5
    heap = gc.mem_alloc()
    board.wire.load(host.frame(_link.OP_APDU, b"\x00" + READ_57))
    heap = gc.mem_alloc()
    n = count(turn, 0)
    board.slots[0].load(BLOCK)
    while not board.wire.written:
        n += count(turn, 0)
    return n, gc.mem_alloc() - heap


mem32[_TIMER + 8] = mem32[_VALUE] = 0x3FFFFFFF
mem32[_TIMER] = 1
call = 0
call = min(count(len, b"") for _ in range(5))
out = memoryview(bytearray(8512))  # as long as the server's answer
host = Host()
board = RamBoard()
terminal = Terminal(board, "Tournee-0001", "0" * 64)
turns(3)
power_on()
