"""Runs inside MicroPython: `soak.py ROOT SEED EXCHANGES SECONDS`; cards (T=0, T=1, answers to reset) and a host that say anything.

All on one terminal, in turn; after SECONDS it ends with the exchanges done so far. After each round of 500 a good card must work in the
slot just fuzzed, and what the heap holds must not have grown. Prints `ROUND n exchanges` after each, at the end `DONE` with figures as
JSON; an exception ends it with its traceback.
"""

import gc
import json
import sys
import time

ROOT = sys.argv[1]
sys.path.insert(0, ROOT + "/firmware")
sys.path.insert(0, ROOT + "/tests/firmware")

gc.threshold(8192)  # while modules are compiled: what stays is packed, as on the board
import random  # noqa: E402

import mp_fuzz  # noqa: E402
import mp_fuzz_t1  # noqa: E402
from fakes import CPS3_ATR, VITALE_ATR, Card, Rig, unhex  # noqa: E402

from tournee_fw import _link  # noqa: E402

gc.threshold(-1)  # as on the board: when it is used up
OK = _link.STATUS_OK
ROUND = 500
WARM_UP = 12  # rounds: every kind twice; the log ring is full
GROWTH = 1024  # bytes that the heap may hold more than after the warm-up, whatever the count
READ = unhex("00B0000001")


class Soak:
    """One terminal; `round(n)` runs the n-th round."""

    def __init__(self, seed):
        self.seed = seed
        self.rng = mp_fuzz.Rng(seed)
        self.good = Card(CPS3_ATR, apdu=lambda header, data: (b"\x07", 0x9000) if header[1] == 0xB0 else (b"", 0x6D00))
        self.good.trace = False
        self.good_t1 = mp_fuzz_t1.Good(mp_fuzz_t1.ATRS[0])
        self.good_t1.trace = False
        self.rig = Rig([self.good, self.good_t1])
        self.rig.hello()
        self.statuses = {}
        self.exchanges = self.sessions = 0
        self.kinds = (self.t0, self.t1, self.t1_crc, self.atr, self.host, self.script)

    def round(self, number):
        random.seed(self.seed + number)
        before = self.exchanges
        self.kinds[number % len(self.kinds)]()
        while self.exchanges - before < ROUND:
            self.one()
            self.exchanges += 1
            self.rig.events.clear()
            self.rig.board.screens.clear()
        self.rig.responses.clear()
        self.rig.ahead = (0, b"")  # the host's: up to 8 000 bytes of a script
        self.usable(0, self.good)
        self.usable(1, self.good_t1)
        gc.collect()
        return gc.mem_alloc()

    def usable(self, slot, card):
        """A good card, put in after whatever was there, works at once."""
        rig = self.rig
        rig.board.t += 2000
        rig.turn()
        if not rig.pipe.connected:
            rig.pipe.connected = True
        self.sessions += 1
        rig.hello(b"%08d" % self.sessions)
        rig.number = 0
        self.put(slot, card)
        status, _ = rig.power(slot)
        assert status == OK, ("good card not powered", slot, status)
        answer = rig.ask(_link.OP_APDU, bytes((slot,)) + READ)
        assert answer == (OK, b"\x07\x90\x00"), ("good card", slot, answer)

    def put(self, slot, card):
        """`card` for the one that is in; a board has one port for ever, so what the slot bound to the card before is bound to this."""
        reader = self.rig.terminal.slots[slot]
        reader.port.present = False
        self.rig.turn()
        card.present = True
        card.out = bytearray()
        card.parity = card.bad = 0
        card.vcc(0)
        reader.port = card
        for protocol in reader._protocols:
            protocol.send = card.write
        self.rig.board.slots[slot] = card
        self.rig.turn()

    def known(self, status):
        assert status in mp_fuzz.KNOWN and status != _link.STATUS_INTERNAL, status
        self.statuses[status] = self.statuses.get(status, 0) + 1

    # Rounds: each sets `one`, a single exchange

    def t0(self):
        self.card(0, mp_fuzz.Fuzz(self.rng, VITALE_ATR if random.getrandbits(1) else CPS3_ATR), mp_fuzz.COMMANDS)

    def t1(self):
        card = mp_fuzz_t1.Fuzz(mp_fuzz_t1.ATRS[0])
        self.card(1, card, mp_fuzz_t1.COMMANDS)

    def t1_crc(self):
        card = mp_fuzz_t1.Fuzz(mp_fuzz_t1.ATRS[1])
        card.crc = True
        self.card(1, card, mp_fuzz_t1.COMMANDS)

    def card(self, slot, card, commands):
        card.trace = False
        self.put(slot, card)
        bodies = [bytes((slot,)) + unhex(command) for command in commands]

        def one():
            card.present = True
            if not card.vcc_now:
                self.known(self.rig.power(slot)[0])
            op = _link.OP_TPDU if random.randrange(0, 5) == 0 else _link.OP_APDU
            status, body = self.rig.ask(op, bodies[random.randrange(0, len(bodies))])
            assert status != OK or len(body) >= 2
            self.known(status)

        self.one = one

    def script(self):
        """Scripts, PIN entry and confirmations on a card that answers anything."""
        card = mp_fuzz.Fuzz(self.rng, CPS3_ATR)
        self.put(0, card)
        step = b"\x01\x00\x00\x05" + unhex("00B0000004")
        loop = b"\x02\x00\x00\x04\x01\x00\x00\x40"
        verify = b"\0" + unhex("00200001") + b"\x04\x04\0\0\x01\0"

        def one():
            card.present = True
            if not card.vcc_now:
                self.known(self.rig.power(0)[0])
            kind = random.randrange(0, 3)
            rig = self.rig
            if kind == 0:
                self.known(rig.ask(_link.OP_SCRIPT, b"\0" + step + loop + step)[0])
                return
            op = _link.OP_PIN_VERIFY if kind == 1 else _link.OP_CONFIRM
            number = rig.start(op, verify if kind == 1 else b"\x01\x02hi")
            for _ in range(3):
                rig.turn()
            rig.board.keys += [(0x30 + random.randrange(0, 10)) for _ in range(random.randrange(0, 6))]
            rig.board.keys += [0x0D if random.getrandbits(1) else 0x1B]
            self.known(rig.wait_for(op, number)[0])

        self.one = one

    def atr(self):
        def answer():
            kind = random.randrange(0, 3)
            if kind == 0:
                return bytes(random.getrandbits(8) for _ in range(random.randrange(0, 50)))
            raw = bytearray(VITALE_ATR if kind == 1 else unhex("3B9B1880010012250064800401000090 44"))
            for _ in range(random.randrange(0, 3)):
                raw[random.randrange(0, len(raw))] = random.getrandbits(8)
            return bytes(raw[: random.randrange(1, len(raw) + 1)])

        card = mp_fuzz.Fuzz(self.rng, answer)
        self.put(0, card)

        def one():
            card.present = True
            card.out = bytearray()
            self.known(self.rig.power(0, voltage=random.randrange(0, 4), warm=random.randrange(0, 2))[0])

        self.one = one

    def host(self):
        rig = self.rig

        def again():
            """Whatever stands half in the terminal is given up; the host comes again with its session."""
            rig.board.t += 500
            rig.board.keys += [0x1B]
            rig.turn()
            rig.pipe.connected = False
            rig.turn()
            rig.pipe.connected = True
            rig.pipe.to_board = bytearray()
            rig.responses.clear()
            rig._raw = bytearray()
            rig._parts = bytearray()
            rig.hello(b"session%c" % (65 + random.randrange(0, 4)))
            rig.number = 1 << 20
            rig.number += self.exchanges
            assert rig.ask(_link.OP_PING, b"x")[0] == OK

        def one():
            kind = random.randrange(0, 12)
            op = random.randrange(0, 0x34)
            body = bytes(random.getrandbits(8) if random.getrandbits(1) else 0 for _ in range(random.randrange(0, 40)))
            if kind == 0:  # bytes that are no frame, with the beginning of one among them
                rig.pipe.to_board += bytes(random.getrandbits(8) for _ in range(random.randrange(1, 300)))
                rig.pipe.to_board += b"\xa5\x5a\x01\x00"
                again()
            elif kind == 1:  # a damaged frame
                rig.send(op, body, random.getrandbits(30))
                rig.pipe.to_board[random.randrange(0, len(rig.pipe.to_board))] ^= 1 << random.randrange(0, 8)
                again()
            elif kind == 2:  # half a frame
                rig.send(op, body, random.getrandbits(30))
                rig.pipe.to_board = rig.pipe.to_board[: random.randrange(0, len(rig.pipe.to_board))]
                again()
            elif kind == 3:  # a gap, an old number
                rig.seq = (rig.seq + random.randrange(0, 3)) & 0xFFFF
                rig.send(op, body, random.randrange(0, 3))
                again()
            elif op not in (_link.OP_GOODBYE, _link.OP_HELLO):
                rig.number += 1
                rig.send(op, body, rig.number)
                rig.turn()
                rig.board.keys += [0x1B]
                self.known(rig.wait_for(op, rig.number)[0])

        self.one = one


def main(seed, exchanges, seconds):
    end = time.time() + seconds
    soak = Soak(seed)
    number = 0
    first = highest = 0
    while number <= WARM_UP or (soak.exchanges < exchanges and time.time() < end):
        held = soak.round(number)
        number += 1
        if number == WARM_UP:
            first = highest = held
        elif number > WARM_UP:
            highest = max(highest, held)
            assert held - first <= GROWTH, ("the heap holds more", held - first)
        print("ROUND %d %d" % (number, soak.exchanges))
    figures = {"exchanges": soak.exchanges, "rounds": number, "growth": highest - first, "heap": highest}
    figures["statuses"] = {str(status): count for status, count in soak.statuses.items()}
    print("DONE " + json.dumps(figures))


main(int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
