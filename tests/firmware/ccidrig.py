"""A host of the serial CCID line, beside the link's host of `fakes.Rig`."""

import struct

from fakes import Pipe, Rig

ACTIVE, PRESENT, ABSENT = 0, 1, 2
FAILED = 0x40
MORE_TIME = 0x80
_POLL_MS = 400  # as often as pcscd looks at the slots


class Line(Pipe):
    """The reader's line: what the terminal wrote, as frames and bare bytes."""

    def __init__(self, reader):
        super().__init__()
        self.ccid = reader


class Reader(Rig):
    """A terminal with a link and a CCID line; `ask(kind, …)` -> (kind, status, error, ninth byte, data)."""

    def __init__(self, cards, reader="SEC1210"):
        self.line = Line(reader)
        super().__init__(cards, pipes=[Pipe(), self.line])
        self.echo = reader != "SEC1210"
        self.raw = bytearray()
        self.bare = bytearray()
        self.frames = []
        self.seq_ccid = 0
        self.asked_for_time = 0

    def turn(self):
        self.board.wait(min(self.terminal.poll(), _POLL_MS))
        for pipe in self.board.transports:
            self._read(pipe)

    def _read(self, pipe):
        if pipe is not self.line:
            super()._read(pipe)
            return
        raw = self.raw
        raw += pipe.from_board
        pipe.from_board = bytearray()
        while raw:
            if raw[0] != 3:
                size = 2 if raw[0] == 0x50 else 1
                self.bare += raw[:size]
            elif len(raw) >= 3 and raw[1] == 0x15:
                size = 3
                self.frames.append(bytes(raw[:3]))
            else:
                if len(raw) < 13:
                    return
                size = 13 + struct.unpack("<L", raw[3:7])[0]
                if len(raw) < size:
                    return
                frame = bytes(raw[:size])
                x = 0
                for c in frame:
                    x ^= c
                assert raw[1] == 6 and x == 0, frame
                self.frames.append(frame)
            raw = self.raw = raw[size:]

    def put(self, kind, data=b"", slot=0, extra=b"\0\0\0"):
        """Send a command; gives its frame."""
        self.seq_ccid = (self.seq_ccid + 1) & 0xFF
        frame = b"\x03\x06" + struct.pack("<BLBB", kind, len(data), slot, self.seq_ccid) + extra + data
        x = 0
        for c in frame:
            x ^= c
        frame += bytes((x,))
        self.line.to_board += frame
        return frame

    def frame_in(self, turns=3000):
        for _ in range(turns):
            if self.frames:
                return self.frames.pop(0)
            self.turn()
        raise AssertionError("the reader said nothing")

    def ccid(self, kind, data=b"", slot=0, extra=b"\0\0\0"):
        frame = self.put(kind, data, slot, extra)
        if self.echo:
            assert self.frame_in() == frame
        return self.result(slot)

    def result(self, slot=0):
        """(kind, bStatus, bError, byte 9, data) of the next frame that does not only ask for time; those are counted."""
        while True:
            answer = self.frame_in()
            assert answer[7] == slot and answer[8] == self.seq_ccid
            if not answer[9] & MORE_TIME:
                break
            assert (answer[2], answer[10], len(answer)) == (0x80, 1, 13), answer
            self.asked_for_time += 1
        return answer[2], answer[9], answer[10], answer[11], answer[12:-1]

    def on(self, slot=0):
        assert self.ccid(0x62, slot=slot, extra=b"\x01\0\0")[:2] == (0x80, ACTIVE)


def idle(r, turns=20):
    for _ in range(turns):
        r.turn()
