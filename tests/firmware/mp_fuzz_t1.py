"""Hostile T=1 cards: sound blocks that mean nothing, damaged ones, floods and silence; every request is answered."""

import random

from fakes import Card, Rig, unhex
from t1card import IFS_ASKED, IFS_TAKEN, block, i, r, s

from tournee_fw import _link

OK = _link.STATUS_OK
KNOWN = tuple(range(25))
ATRS = (unhex("3B 80 01 81"), unhex("3B 80 81 71 20 15 01") + b"\x44")
COMMANDS = ("00B0000004", "00A4020C022F00", "00D600000000C8" + "5A" * 200, "00B00000000000", "0084000008")


class Fuzz(Card):
    """Answers a block by nothing, by anything, by something near the truth, or rightly."""

    crc = False

    def write(self, buf, n):
        pcb = buf[1]
        for _ in range(random.randrange(1, 3)):
            kind = random.randrange(0, 12)
            if kind == 0:
                self.out += bytes(random.getrandbits(8) for _ in range(random.randrange(0, 40)))
                continue
            if kind == 1:
                continue
            if kind < 4:
                raw = block(random.getrandbits(8), bytes(random.randrange(0, 6)), self.crc)
            elif kind == 4:
                raw = s(0xC3, bytes((random.randrange(0, 3),)), self.crc)
            elif kind == 5:
                raw = s(0xC0 | random.randrange(0, 3), b"", self.crc)
            elif kind == 6:
                raw = r(random.randrange(0, 2), random.randrange(0, 3), self.crc)
            elif kind == 7:
                raw = i(random.randrange(0, 2), bytes(random.randrange(0, 32)), random.randrange(0, 2), self.crc)
            elif pcb & 0xC0 == 0xC0:
                raw = s(pcb | 0x20, bytes(buf[3 : 3 + buf[2]]), self.crc)
            elif pcb & 0xA0 == 0x20:
                raw = r((pcb >> 6 & 1) ^ 1, 0, self.crc)
            elif pcb & 0x80:
                raw = i(pcb >> 4 & 1, b"\x90\x00", False, self.crc)
            else:
                raw = i(pcb >> 6, b"\x01\x02\x90\x00", False, self.crc)
            if random.randrange(0, 12) == 0:
                raw = raw[: random.randrange(0, len(raw))]
            self.out += raw
        if random.randrange(0, 60) == 0:
            self.present = False


def hostile(atr, crc, turns):
    random.seed(20261121)
    card = Fuzz(atr)
    card.trace = False
    card.crc = crc
    rig = Rig([card])
    rig.hello()
    seen = set()
    for turn in range(turns):
        card.present = True
        if not card.vcc_now:
            rig.power()
        command = COMMANDS[random.randrange(0, len(COMMANDS))]
        op, sent = _link.OP_APDU, unhex(command)
        if random.randrange(0, 6) == 0:
            op, sent = _link.OP_TPDU, i(random.randrange(0, 2), sent[:200], False, crc)
        status, body = rig.ask(op, b"\0" + sent)
        assert status in KNOWN and status != _link.STATUS_INTERNAL, (turn, status)
        assert status != OK or len(body) >= 2
        seen.add(status)
        rig.events.clear()
        rig.board.screens.clear()
    assert {OK, _link.STATUS_PROTOCOL, _link.STATUS_REMOVED} <= seen, seen
    card.present = False
    rig.turn()
    read = unhex("00B0000004")
    good = Good(ATRS[0])
    rig.terminal.slots[0].port = good
    rig.turn()
    assert rig.power()[0] == OK
    assert rig.ask(_link.OP_APDU, b"\0" + read) == (OK, b"\x07\x90\x00")


class Good(Card):
    def write(self, buf, n):
        self.out += IFS_TAKEN if bytes(buf[:n]) == IFS_ASKED else i(buf[1] >> 6 & 1, b"\x07\x90\x00")


# ISO7816: t1-hostile
def test_cards_that_answer_any_blocks():
    hostile(ATRS[0], False, 2000)


# ISO7816: t1-hostile
def test_cards_that_answer_any_blocks_with_crc():
    hostile(ATRS[1], True, 800)
