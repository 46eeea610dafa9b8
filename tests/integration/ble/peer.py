# Runs in MicroPython: the firmware's BLE transport with a small talker behind it, for tests of the radio chain alone.
# argv: SOCKET NAME MTU MODE. echo: all that comes goes back. source: a 4-byte count asks for so many bytes of `pattern`.
# sink: a 4-byte count, then so many bytes; one byte is answered per 1024 taken, at the end their SHA-256.
import hashlib
import select
import struct
import sys
import time

import bluetooth

from tournee_fw.clock import NEVER, wrap
from tournee_fw.link_ble import BleTransport


class Echo:
    def take(self, data):
        return data


class Source:
    def __init__(self):
        self.left = 0
        self.at = 0

    def take(self, data):
        if len(data) == 4:
            self.left = struct.unpack(">I", data)[0]
            self.at = 0
        return b""

    def more(self):
        n = min(self.left, 512)
        out = bytes(((self.at + i) * 7 + ((self.at + i) >> 8)) & 0xFF for i in range(n))
        self.at += n
        self.left -= n
        return out


class Sink:
    def __init__(self):
        self.left = -1
        self.taken = 0
        self.head = b""

    def take(self, data):
        if self.left < 0:
            self.head += data
            if len(self.head) < 4:
                return b""
            self.left = struct.unpack(">I", self.head[:4])[0]
            data = self.head[4:]
            self.head = b""
            self.taken = 0
            self.sha = hashlib.sha256()
        self.sha.update(data)
        before = self.taken // 1024
        self.taken += len(data)
        self.left -= len(data)
        answer = b"." * (self.taken // 1024 - before)
        if self.left == 0:
            answer += self.sha.digest()
            self.left = -1
        return answer


def now_ms():
    return wrap(time.ticks_ms())


def main(path, name, mtu, mode):
    bluetooth.attach(path)
    transport = BleTransport(bluetooth.BLE(), name, int(mtu))
    make = {"echo": Echo, "source": Source, "sink": Sink}[mode]
    talker = make()
    buf = memoryview(bytearray(512))
    out = b""
    poller = select.poll()
    watched = None
    said = None
    while True:
        now = now_ms()
        transport.poll(now)
        state = "connected" if transport.connected else "advertising" if transport._advertising else "idle"
        if state != said:
            said = state
            print(state)
            if state != "connected":
                out = b""
                talker = make()
        if watched is not transport.stream:
            watched = transport.stream
            poller.register(watched, select.POLLIN)
        moved = 0
        if len(out) < 2048:
            moved = transport.read_into(buf)
            if moved:
                out += talker.take(bytes(buf[:moved]))
            elif not out and mode == "source":
                out += talker.more()
        while out:
            n = transport.write(memoryview(out))
            if not n:
                break
            moved += n
            out = out[n:]
        due = transport.due_ms(now)
        if not moved:
            poller.poll(1000 if due == NEVER else due)


main(*sys.argv[1:])
