"""Runs inside MicroPython: `streams.py ROOT`; each line of stdin is a stream, `hex idle hex …`; prints its messages as hex words."""

import sys

sys.path.insert(0, sys.argv[1] + "/firmware")

from tournee_fw import _link
from tournee_fw.frames import Receiver


def run(receiver, words):
    now, out = 0, []

    def take():
        while True:
            n = receiver.next()
            if not n:
                return
            out.append(bytes(receiver.message[:n]).hex())

    for word in words:
        if word == "idle":
            now += _link.IDLE_MS + 1
            while receiver.tick(now):
                take()
            continue
        data = bytes.fromhex(word)
        while data:
            room = receiver.room
            n = min(len(room), len(data))
            room[:n] = data[:n]
            data = data[n:]
            receiver.got(n, now)
            take()
    return out


receiver = Receiver()
for line in sys.stdin:
    receiver.restart()
    print(" ".join(run(receiver, line.split())))
