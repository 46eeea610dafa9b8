"""The fault matrix of docs/RELIABILITY.md for the receiver of the CCID line: every fault in every state of its table `STATES`."""

from ccidrig import ABSENT, ACTIVE, FAILED, Reader, idle
from fakes import CPS3_ATR, Card, unhex

from tournee_fw import ccid_frames

FAULTS = ("pull", "mute", "parity", "null-storm", "overrun", "link-drop", "host-silent")
READ = unhex("00B0000001")
GOOD = unhex("07 9000")
WT_MS = 4000  # of this card: WI 42 at 4 MHz
QUARTER_MS = 16 * 60_000


class Struck(Card):
    """Answers READ BINARY rightly until a fault of the card is set; then as that says."""

    def __init__(self):
        super().__init__(CPS3_ATR, apdu=lambda header, data: (b"\x07", 0x9000))
        self.trace = False
        self.fault = ""
        self.board = None
        self.due = []
        """(moment, characters): what comes later."""

    def reset(self):
        super().reset()
        self.due = []

    def _command(self):
        if self.fault == "mute":
            return
        if self.fault == "null-storm":
            self.due = [(self.board.t + n * WT_MS * 9 // 10, b"\x60") for n in range(1, 40)]
        elif self.fault == "overrun":
            self.due = [(self.board.t + 2 * WT_MS + 1200, b"\xb0\x07\x90\x00")]
        else:
            if self.fault == "parity":  # the last character sent was refused, once
                self.parity, self.fault = 1, ""
            super()._command()

    def read_into(self, buf):
        while self.due and self.due[0][0] <= self.board.t:
            self.out += self.due.pop(0)[1]
        return super().read_into(buf)


def beginning(state, frame):
    """Bytes of the host that bring the receiver into `state`, and those that end what they began."""
    n = {"SYNC": 0, "KIND": 1, "MESSAGE": 7, "LRC": len(frame) - 1}.get(state)
    if n is not None:
        return frame[:n], frame[n:]
    if state == "NAK":
        return b"\x03\x15", b"\x16"
    return unhex("0306 6F FFFFFF7F 00 00 000000"), b""


def cell(state, fault):
    card = Struck()
    r = Reader([card])
    card.board = r.board
    r.on()
    inbox = r.terminal.readers[0]._in
    frame = bytes(r.put(0x6F, READ))
    r.line.to_board = bytearray()
    first, rest = beginning(state, frame)
    r.line.to_board += first
    r.turn()
    assert ccid_frames.STATES[inbox.state] == state, ccid_frames.STATES[inbox.state]
    if fault == "pull":
        card.present = False
    elif fault == "link-drop":
        r.line.connected = False
        idle(r, 2)
        r.line.connected = True
    elif fault == "host-silent":
        for _ in range(QUARTER_MS // 5000):
            r.board.t += 5000
            r.turn()
        assert card.vcc_now == 0, "nobody is left: the card is off"
    else:
        card.fault = fault
    begun = r.board.t
    if fault in ("link-drop", "host-silent"):  # the host begins anew
        assert inbox.state == ccid_frames.IN_SYNC
        r.frames = []
        r.on()
        answer = r.ccid(0x6F, READ)
    else:
        r.line.to_board += rest
        if state in ("NAK", "DROP"):  # the last answer again, or the refusal; then the command
            r.frame_in()
            r.board.t += 200
            idle(r, 2)
            r.line.to_board += frame
        answer = r.result()
    if fault == "pull":
        assert answer[:3] == (0x80, ABSENT | FAILED, 0xFE), answer
    elif fault in ("mute", "null-storm", "overrun"):
        assert answer[0] == 0x80 and answer[1] & FAILED and answer[2] == 0xFE, answer
        assert r.board.t - begun < 70_000
    else:
        assert answer[:2] == (0x80, ACTIVE) and answer[4] == GOOD, answer
    next_card(r)


def next_card(r):
    """Another card in the same slot works at once."""
    slot = r.terminal.slots[0]
    slot.port.present = False
    idle(r, 10)
    good = Struck()
    good.board = r.board
    r.board.slots[0] = slot.port = good
    idle(r, 10)
    r.frames = []
    r.on()
    assert r.ccid(0x6F, READ)[4] == GOOD


def every_fault_in(state):
    for fault in FAULTS:
        try:
            cell(state, fault)
        except AssertionError as error:
            raise AssertionError("%s/%s: %s" % (state, fault, error.args))


def test_sync():
    every_fault_in("SYNC")


def test_kind():
    every_fault_in("KIND")


def test_message():
    every_fault_in("MESSAGE")


def test_lrc():
    every_fault_in("LRC")


def test_nak():
    every_fault_in("NAK")


def test_drop():
    every_fault_in("DROP")


def test_no_state_was_forgotten():
    """One case per state of the table."""
    assert {"test_" + state.lower() for state in ccid_frames.STATES} <= set(globals())
