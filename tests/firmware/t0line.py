"""A T=0 line for tests inside MicroPython: one command against a script of what is sent and answered."""

from fakes import unhex

from tournee_fw import _link
from tournee_fw.iso7816.apdu import Apdu
from tournee_fw.iso7816.t0 import T0

OK = _link.STATUS_OK
OUT = memoryview(bytearray(2048))


class Line:
    """Runs one command: what the reader sends is compared with `script` [(sent, answer)], answers are fed back."""

    def __init__(self, script, step=1):
        self.script = [(unhex(a), unhex(b)) for a, b in script]
        self.step = step
        self.sent = bytearray()
        self.t0 = T0(self._send)
        self.apdu = Apdu(self.t0)
        self.now = 0

    def _send(self, buf, n):
        self.sent += buf[:n]

    def run(self, text, raw=False, limit=2048):
        """(status, answer bytes)."""
        command = unhex(text)
        if raw:
            self.apdu.start_tpdu(command, len(command), OUT[:limit], self.now, 1)
        else:
            self.apdu.start(command, len(command), OUT[:limit], self.now)
        while self.script and self.apdu.busy:
            want, answer = self.script.pop(0)
            assert bytes(self.sent) == want, (bytes(self.sent), want)
            self.sent = bytearray()
            for i in range(0, len(answer), self.step):
                piece = answer[i : i + self.step]
                self.t0.feed(piece, len(piece), self.now)
                self.apdu.advance(self.now)
        assert not self.script
        assert not self.sent, bytes(self.sent)
        return self.apdu.status, bytes(OUT[: self.apdu.length])


def both(text, script, status, answer, **more):
    """The same bytes one at a time and in one piece."""
    for step in (1, 300):
        got = Line(script, step).run(text, **more)
        assert got == (status, unhex(answer)), (step, got)
