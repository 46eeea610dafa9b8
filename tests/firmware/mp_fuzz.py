"""Hostile cards and hosts: whatever comes, every request is answered and the slot works with the next card."""

import random

from fakes import CPS3_ATR, VITALE_ATR, Card, Rig, unhex

from tournee_fw import _link

OK = _link.STATUS_OK
KNOWN = tuple(range(25))


class Fuzz(Card):
    """A card that answers with bytes drawn from `rng`, sometimes with something that looks right."""

    def __init__(self, rng, atr):
        super().__init__(atr)
        self.rng = rng
        self.trace = False
        self.pps = False

    def write(self, buf, n):
        rng = self.rng
        ins = buf[1] if n > 1 else buf[0]
        for _ in range(rng.randrange(0, 6)):
            kind = rng.randrange(0, 10)
            if kind < 3:
                self.out += bytes((ins, rng.getrandbits(8)))
            elif kind == 3:
                self.out += bytes((ins ^ 0xFF,))
            elif kind == 4:
                self.out += b"\x60" * rng.randrange(1, 4)
            elif kind == 5:
                self.out += bytes((0x61, rng.getrandbits(8)))
            elif kind == 6:
                self.out += bytes((0x6C, rng.getrandbits(8)))
            elif kind == 7:
                self.out += b"\x90\x00"
            else:
                self.out += bytes(rng.getrandbits(8) for _ in range(rng.randrange(1, 40)))
        if rng.randrange(0, 40) == 0:
            self.present = False
        if rng.randrange(0, 20) == 0:
            self.parity = rng.randrange(-1, 7)
        if rng.randrange(0, 60) == 0:
            self.bad = 1


class Rng:
    """The module's functions with a seed of one's own."""

    def __init__(self, seed):
        random.seed(seed)

    def randrange(self, a, b):
        return random.randrange(a, b)

    def getrandbits(self, n):
        return random.getrandbits(n)


COMMANDS = ("00B0000004", "00B0000000", "00A4020C022F00", "00A40904043F00D00300", "00880000", "1088000003AABBCC")


# ISO7816: t0-hostile
def test_cards_that_answer_anything():
    rng = Rng(20261121)
    card = Fuzz(rng, CPS3_ATR)
    r = Rig([card])
    r.hello()
    seen = set()
    for i in range(2500):
        card.present = True
        if not card.vcc_now:
            r.power()
        op = _link.OP_TPDU if rng.randrange(0, 5) == 0 else _link.OP_APDU
        status, _ = r.ask(op, b"\0" + unhex(COMMANDS[rng.randrange(0, len(COMMANDS))]))
        assert status in KNOWN and status != _link.STATUS_INTERNAL, (i, status)
        seen.add(status)
        r.events.clear()
        r.board.screens.clear()
    assert {OK, _link.STATUS_PROTOCOL, _link.STATUS_TIMEOUT, _link.STATUS_REMOVED} <= seen, seen
    card.present = False
    r.turn()
    good = Card(CPS3_ATR, script=[(unhex("00B0000001"), unhex("B0 07 9000"))])
    r.terminal.slots[0].port = good
    r.turn()
    assert r.power()[0] == OK
    assert r.apdu("00B0000001") == (OK, unhex("07 9000"))


def test_answers_to_reset_of_any_kind():
    rng = Rng(7)

    def atr():
        kind = rng.randrange(0, 3)
        if kind == 0:
            return bytes(rng.getrandbits(8) for _ in range(rng.randrange(0, 50)))
        raw = bytearray(VITALE_ATR if kind == 1 else unhex("3B9B1880010012250064800401000090 44"))
        for _ in range(rng.randrange(0, 3)):
            raw[rng.randrange(0, len(raw))] = rng.getrandbits(8)
        return bytes(raw[: rng.randrange(1, len(raw) + 1)])

    card = Fuzz(rng, atr)
    r = Rig([card])
    r.hello()
    seen = set()
    for i in range(800):
        card.present = True
        card.out = bytearray()
        status, _ = r.power(voltage=rng.randrange(0, 4), warm=rng.randrange(0, 2))
        assert status in KNOWN and status != _link.STATUS_INTERNAL, (i, status)
        seen.add(status)
        r.events.clear()
        r.board.screens.clear()
    assert {OK, _link.STATUS_BAD_ATR, _link.STATUS_MUTE} <= seen, seen


def test_hosts_that_send_anything():
    """Requests of any op and body, cut and damaged frames: never INTERNAL, and a good request is answered afterwards."""
    rng = Rng(11)
    card = Card(CPS3_ATR, apdu=lambda header, data: (b"", 0x9000))
    card.trace = False
    r = Rig([card])
    r.hello()
    r.power()
    seen = set()
    for i in range(1500):
        op = rng.randrange(0, 0x34)
        if op in (_link.OP_GOODBYE, _link.OP_HELLO):
            continue
        body = bytes(rng.getrandbits(8) if rng.randrange(0, 2) else 0 for _ in range(rng.randrange(0, 40)))
        r.number += 1
        r.send(op, body, r.number)
        if rng.randrange(0, 8) == 0:  # damage: the request is lost, the host repeats it
            at = rng.randrange(0, len(r.pipe.to_board))
            r.pipe.to_board[at] ^= 1 << rng.randrange(0, 8)
            for _ in range(4):
                r.turn()
            r.board.t += 500
            r.board.keys += [0x1B]
            r.turn()
            r.responses.clear()
            r.pipe.connected = False
            r.turn()
            r.pipe.connected = True
            r.hello()
            r.number += 1
            assert r.ask(_link.OP_PING, b"x")[0] == OK, i
            continue
        r.turn()
        r.board.keys += [0x1B]
        status, _ = r.wait_for(op, r.number)
        assert status in KNOWN and status != _link.STATUS_INTERNAL, (i, op, body, status)
        seen.add(status)
        r.events.clear()
        r.board.screens.clear()
    assert {OK, _link.STATUS_BAD_MESSAGE, _link.STATUS_UNKNOWN_OP, _link.STATUS_BAD_SLOT} <= seen, seen
