"""Every legal answer to reset: built at random from the rules of ISO 7816-3 §8, read in pieces, compared with what was built in."""

import random

from tournee_fw import _link
from tournee_fw.iso7816.atr import MAX_ATR, Atr
from tournee_fw.iso7816.tables import INVERSE

COUNT = 3000


class Built:
    """A legal ATR and what a reader has to take from it."""

    def __init__(self, rng):
        self.want = {
            "fidi": 0x11, "guard": 0, "wi": 10, "specific": -1, "implicit": False, "fixed": True,
            "ifsc": 32, "bwi": 4, "cwi": 13, "crc": False, "clock_stop": 0, "classes": 0,
        }  # fmt: skip
        self.inverse = rng.random() < 0.3
        protocols = self._protocols(rng)
        self.offered = sorted({p for p in protocols if p != 15}) or [0]
        self.first = protocols[0] if protocols else 0
        self.tck = any(protocols)
        self.body = bytearray()
        presence, level, current, seen = [], 1, 0, set()
        chunks = []
        for at in range(len(protocols) + 1):
            y = rng.getrandbits(3) if at < 5 else 0
            chunk = bytearray()
            for which in range(3):
                if y >> which & 1:
                    chunk.append(self._value(rng, level, which, current, current in seen))
            if level > 2:
                seen.add(current)
            if at < len(protocols):
                y |= 8
                current = protocols[at]
            presence.append(y)
            chunks.append(chunk)
            level += 1
        room = MAX_ATR - 2 - sum(len(c) for c in chunks) - len(protocols) - self.tck
        k = min(15, room) if rng.random() < 0.3 else rng.randrange(0, min(15, room) + 1)
        self.body.append(presence[0] << 4 | k)
        for at, chunk in enumerate(chunks):
            self.body += chunk
            if at < len(protocols):
                self.body.append(presence[at + 1] << 4 | protocols[at])
        self.body += bytes(rng.getrandbits(8) for _ in range(k))
        if self.tck:
            x = 0
            for c in self.body:
                x ^= c
            self.body.append(x)

    def _protocols(self, rng):
        """TD1, TD2 …: T in ascending order, T=15 last and never first [§8.2.3]."""
        some = sorted({rng.randrange(0, 15) for _ in range(rng.randrange(0, 4))})
        if some and rng.random() < 0.5:
            some = [p for p in some if p < 2] or [0]
        some += [some[-1]] * rng.randrange(0, 2) if some else []
        if some and rng.random() < 0.4:
            some.append(15)
        return some

    def _value(self, rng, level, which, protocol, again):
        c = rng.getrandbits(8)
        want = self.want
        if level == 1:
            if which == 0:
                want["fidi"] = c
            elif which == 2:
                want["guard"] = c
        elif level == 2:
            if which == 0:
                want["specific"], want["implicit"], want["fixed"] = c & 15, bool(c & 16), bool(c & 128)
            elif which == 2:
                want["wi"] = c or 10
        elif not again and protocol == 1:
            if which == 0:
                want["ifsc"] = c
            elif which == 1:
                want["bwi"], want["cwi"] = c >> 4, c & 15
            else:
                want["crc"] = bool(c & 1)
        elif not again and protocol == 15 and which == 0:
            want["clock_stop"], want["classes"] = c >> 6, c & 7
        return c

    @property
    def characters(self):
        return (b"\x3f" if self.inverse else b"\x3b") + bytes(self.body)

    @property
    def line(self):
        """As a direct-convention UART reads it."""
        raw = self.characters
        return bytes(INVERSE[c] for c in raw) if self.inverse else raw


def read(raw, step):
    atr = Atr()
    atr.start(4000, 0, 0)
    taken = 0
    for at in range(0, len(raw), step):
        piece = raw[at : at + step]
        taken += atr.feed(piece, len(piece), at)
    return atr, taken


# ISO7816: atr-legal atr-ta1 atr-ta2 atr-t1 atr-t15 atr-tck atr-length atr-historical
def test_every_legal_atr_is_read():
    rng = random
    rng.seed(7816)
    longest = inverse = 0
    for _ in range(COUNT):
        built = Built(rng)
        raw = built.line
        longest = max(longest, len(raw))
        inverse += built.inverse
        atr, taken = read(raw, rng.randrange(1, 34))
        shown = built.characters
        assert atr.status == _link.STATUS_OK and not atr.busy and taken == len(raw), shown
        assert bytes(atr.atr) == shown and atr.inverse == built.inverse
        for name, value in built.want.items():
            assert getattr(atr, name) == value, (shown, name, value, getattr(atr, name))
        assert [p for p in range(15) if atr.offers(p)] == built.offered, shown
        assert atr.first == built.first
    assert longest == MAX_ATR and inverse > COUNT // 5, (longest, inverse)


# ISO7816: atr-legal atr-tck
def test_one_bit_wrong_is_never_taken_for_right_where_there_is_a_tck():
    rng = random
    rng.seed(1)
    for _ in range(300):
        built = Built(rng)
        if not built.tck:
            continue
        raw = bytearray(built.characters)
        raw[0] = 0x3B
        at = rng.randrange(len(raw) - 1 - (raw[1] & 15), len(raw))  # historical bytes and TCK
        raw[at] ^= 1 << rng.randrange(0, 8)
        atr, _ = read(bytes(raw), 33)
        assert atr.status == _link.STATUS_BAD_ATR, bytes(raw)


def test_a_legal_atr_cut_short_is_waited_for():
    built = Built(random)
    for cut in range(len(built.line)):
        atr, _ = read(built.line[:cut], 33)
        assert atr.busy, cut
