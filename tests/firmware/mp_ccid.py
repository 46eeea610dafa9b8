"""Serial CCID personality: frames, every command, both flavours, pulled cards, and what it shares with the link."""

import gc
import random
import struct

from ccidrig import ABSENT, ACTIVE, FAILED, PRESENT, Reader, idle
from fakes import CPS3_ATR, VITALE_ATR, Card, unhex

from tournee_fw import _link


def test_start_of_a_gempc_twin():
    r = Reader([Card(CPS3_ATR), Card(VITALE_ATR)], "GemPCTwin")
    kind, status, error, _, data = r.ccid(0x6B, b"\x02")
    assert (kind, status, error) == (0x83, PRESENT, 0) and data.startswith(b"Tournee-V")
    assert r.ccid(0x6B, b"\x01\x01\x01")[:3] == (0x83, PRESENT, 0)
    assert r.ccid(0x6B, b"\x6a")[:3] == (0x83, PRESENT | FAILED, 0x0A)
    assert r.ccid(0x65) == (0x81, PRESENT, 0, 1, b"")
    assert r.ccid(0x65, slot=1)[:3] == (0x81, ABSENT | FAILED, 5)


def test_start_of_the_flavour_with_two_slots():
    r = Reader([Card(CPS3_ATR), Card(VITALE_ATR)])
    assert r.ccid(0x6B, b"\x06")[4].startswith(b"Tournee-V")
    assert r.ccid(0x65, slot=1) == (0x81, PRESENT, 0, 1, b"")
    assert r.ccid(0x65, slot=2)[:3] == (0x81, ABSENT | FAILED, 5)


def test_power_parameters_and_off():
    card = Card(CPS3_ATR)
    r = Reader([card, Card(VITALE_ATR)])
    assert r.ccid(0x62, extra=b"\x01\0\0") == (0x80, ACTIVE, 0, 0, CPS3_ATR)
    assert r.ccid(0x65) == (0x81, ACTIVE, 0, 0, b"")
    assert r.ccid(0x6C) == (0x82, ACTIVE, 0, 0, unhex("1100002A00"))
    assert r.ccid(0x61, unhex("1100002A00")) == (0x82, ACTIVE, 0, 0, unhex("1100002A00"))
    assert r.ccid(0x6D)[:3] == (0x82, ACTIVE, 0)
    assert r.ccid(0x61, unhex("1100002A00"), extra=b"\x01\0\0")[:3] == (0x82, ACTIVE | FAILED, 7)
    assert r.ccid(0x61, unhex("7100002A00"))[:3] == (0x82, ACTIVE | FAILED, 0x0A)
    assert r.ccid(0x61, unhex("110000"))[:3] == (0x82, ACTIVE | FAILED, 1)
    kind, status, _, _, data = r.ccid(0x73, bytes(8))
    assert (kind, status) == (0x84, ACTIVE) and struct.unpack("<LL", data) == (4000, 10752)
    assert r.ccid(0x63) == (0x81, PRESENT, 0, 1, b"")
    assert card.vcc_now == 0
    assert r.ccid(0x6C)[:3] == (0x82, PRESENT | FAILED, 0xFE)
    assert r.ccid(0x62, extra=b"\x09\0\0")[:3] == (0x80, PRESENT | FAILED, 7)


def test_power_on_again_is_a_warm_reset():
    card = Card(CPS3_ATR)
    r = Reader([card])
    r.on()
    card.calls.clear()
    r.on()
    assert [c for c in card.calls if c[0] != "etu"] == [("rst", 0), ("rst", 1)]


def test_pps_is_answered_with_what_holds():
    r = Reader([Card(VITALE_ATR)], "GemPCTwin")
    r.on()
    assert r.ccid(0x6F, unhex("FF1013FC"))[4] == unhex("FF1013FC")
    assert r.ccid(0x61, unhex("1300000A00"))[4] == unhex("1300000A00")
    assert r.ccid(0x6F, unhex("FF1014FB"))[:3] == (0x80, ACTIVE | FAILED, 0xF6)
    assert r.ccid(0x6F, unhex("FF1013FD"))[:3] == (0x80, ACTIVE | FAILED, 0x0A)


def test_pps_that_the_card_refused():
    r = Reader([Card(VITALE_ATR, pps=False)], "GemPCTwin")
    r.on()
    assert r.ccid(0x6F, unhex("FF1013FC"))[4] == unhex("FF00FF")


def test_tpdu_level():
    """No GET RESPONSE, no 6C, the Le behind data is dropped, an empty block and a too long one are answered."""
    script = [
        (unhex("00A4040C02"), unhex("A4")),
        (unhex("2F00"), unhex("6107")),
        (unhex("00C0000007"), unhex("60 60 C0 01020304050607 9000")),
        (unhex("00B0000000"), unhex("6C04")),
        (unhex("0020000100"), unhex("63C3")),
    ]
    card = Card(CPS3_ATR, script=script)
    r = Reader([card])
    r.on()
    assert r.ccid(0x6F, unhex("00A4040C02 2F00 00"))[4] == unhex("6107")
    assert r.ccid(0x6F, unhex("00C0000007"))[4] == unhex("01020304050607 9000")
    assert r.ccid(0x6F, unhex("00B0000000"))[4] == unhex("6C04")
    assert r.ccid(0x6F, unhex("00200001"))[4] == unhex("63C3")
    assert not card.script
    assert r.ccid(0x6F)[:3] == (0x80, ACTIVE | FAILED, 1)
    assert r.ccid(0x6F, unhex("00B0"))[:3] == (0x80, ACTIVE | FAILED, 0x0A)
    assert r.ccid(0x6F, unhex("00D60000FE") + bytes(256))[:3] == (0x80, ACTIVE | FAILED, 1)
    assert r.ccid(0x6F, unhex("00B0000004"), extra=b"\0\1\0")[:3] == (0x80, ACTIVE | FAILED, 8)


def test_the_longest_answer():
    card = Card(CPS3_ATR, script=[(unhex("00B0000000"), b"\xb0" + bytes(range(256)) + unhex("9000"))])
    r = Reader([card])
    r.on()
    assert r.ccid(0x6F, unhex("00B0000000"))[4] == bytes(range(256)) + unhex("9000")


def test_an_answer_to_everything():
    r = Reader([Card(CPS3_ATR), Card(present=False)])
    r.on()
    for kind in range(256):
        if kind not in (0x60, 0x62, 0x63):
            answer = r.ccid(kind, b"\0")
            assert answer[0] in (0x80, 0x81, 0x82, 0x83, 0x84), kind
            if kind in (0x6A, 0x71, 0x00, 0xFF):
                assert answer[:3] == (0x81, ACTIVE | FAILED, 0), kind
    assert r.ccid(0x62, slot=1)[:3] == (0x80, ABSENT | FAILED, 0xFE)
    assert r.ccid(0x6F, unhex("00B0000004"), slot=1)[:3] == (0x80, ABSENT | FAILED, 0xFE)


def failing(answer, error):
    r = Reader([Card(CPS3_ATR, script=[(unhex("00B0000004"), answer)])])
    r.on()
    assert r.ccid(0x6F, unhex("00B0000004"))[:3] == (0x80, PRESENT | FAILED, error)
    assert r.ccid(0x6F, unhex("00B0000004"))[:3] == (0x80, PRESENT | FAILED, 0xFE)
    r.on()


def test_a_card_that_falls_silent():
    failing(b"", 0xFE)


def test_a_procedure_byte_that_is_none():
    failing(b"\x12", 0xF4)


def test_answers_to_reset_that_are_none():
    card = Card(b"")
    r = Reader([card])
    for atr, error in (
        (b"", 0xFE),
        (unhex("5500"), 0xF8),
        (unhex("3B9B188001001225006480040100009045"), 0xF7),
    ):
        card.atr = atr
        assert r.ccid(0x62)[:3] == (0x80, PRESENT | FAILED, error), atr


def test_time_requests_while_the_card_thinks():
    card = Card(CPS3_ATR, script=[(unhex("00B0000001"), b"")])
    r = Reader([card])
    r.on()
    r.bare = bytearray()
    r.put(0x6F, unhex("00B0000001"))
    for _ in range(2000):
        if len(r.bare) >= 3:
            break
        r.turn()
        r.board.t += 50
    assert bytes(r.bare[:3]) == b"\x80\x80\x80"
    card.out += unhex("B0 07 9000")
    assert r.result()[4] == unhex("07 9000")


def test_card_movements_and_a_card_pulled_inside_a_command():
    card = Card(CPS3_ATR, script=[(unhex("00B0000004"), unhex("B0 01"))])
    r = Reader([card, Card(present=False)])
    idle(r)
    assert not r.bare and not r.frames, "nothing is said before the host has spoken"
    r.on()
    r.put(0x6F, unhex("00B0000004"))
    idle(r, 2)
    card.present = False
    assert r.result()[:3] == (0x80, ABSENT | FAILED, 0xFE)
    idle(r, 3)
    assert bytes(r.bare) == b"\x50\x02"
    assert card.vcc_now == 0
    card.present = True
    card.out = bytearray()
    card.script = [(unhex("00B0000001"), unhex("B0 07 9000"))]
    idle(r, 3)
    assert bytes(r.bare) == b"\x50\x02\x50\x03"
    r.on()
    assert r.ccid(0x6F, unhex("00B0000001"))[4] == unhex("07 9000")


def test_a_card_that_is_back_at_once_was_away_for_two_seconds():
    """pcscd, which looks every 400 ms, must see that it went: else it takes the new card for absent for ever."""
    card = Card(CPS3_ATR)
    r = Reader([card, Card(VITALE_ATR)])
    r.on()
    card.removed = True
    began = r.board.t
    assert r.ccid(0x65)[:2] == (0x81, ABSENT)
    assert r.ccid(0x62)[:3] == (0x80, ABSENT | FAILED, 0xFE)
    assert r.ccid(0x65, slot=1)[:2] == (0x81, PRESENT)
    while r.ccid(0x65)[1] == ABSENT:
        r.turn()
    assert 2000 <= r.board.t - began <= 2500
    assert bytes(r.bare[-4:]) == b"\x50\x06\x50\x07"
    r.on()


def test_movements_of_a_twin_only_when_asked_for():
    card = Card(CPS3_ATR)
    r = Reader([card], "GemPCTwin")
    r.ccid(0x6B, b"\x02")
    card.present = False
    idle(r)
    assert not r.bare
    r.ccid(0x6B, b"\x01\x01\x01")
    card.present = True
    idle(r)
    assert bytes(r.bare) == b"\x50\x03"


def test_one_personality_per_slot():
    r = Reader([Card(CPS3_ATR), Card(VITALE_ATR)])
    r.hello()
    r.on()
    assert r.power(slot=0)[0] == _link.STATUS_BUSY
    assert r.apdu("00B0000004")[0] == _link.STATUS_BUSY
    assert r.ask(_link.OP_POWER_OFF, b"\0")[0] == _link.STATUS_BUSY
    assert r.power(slot=1)[0] == _link.STATUS_OK
    for kind in (0x62, 0x63, 0x6F, 0x6C):
        assert r.ccid(kind, unhex("00B0000004") if kind == 0x6F else b"", slot=1)[1:3] == (PRESENT | FAILED, 0xE0)
    assert r.ccid(0x65, slot=1)[:2] == (0x81, PRESENT)
    r.hello(b"sessionB")
    r.number = 0
    assert r.ccid(0x65)[:2] == (0x81, ACTIVE), "a new session of the link leaves the reader's card alone"
    assert r.ccid(0x62, slot=1)[:2] == (0x80, ACTIVE)
    assert r.ccid(0x63)[:2] == (0x81, PRESENT)
    assert r.power(slot=0)[0] == _link.STATUS_OK


def test_a_host_that_falls_silent_gives_its_slots_back():
    card = Card(CPS3_ATR)
    r = Reader([card])
    r.hello()
    r.on()
    for _ in range(100):
        if not card.vcc_now:
            break
        r.turn()
        r.board.t += 1000
    assert card.vcc_now == 0 and r.power()[0] == _link.STATUS_OK


def test_the_line_lost_gives_the_slots_back():
    card = Card(CPS3_ATR)
    r = Reader([card])
    r.on()
    r.line.connected = False
    idle(r, 2)
    assert card.vcc_now == 0


def test_one_command_at_a_time_and_abort():
    card = Card(CPS3_ATR, script=[(unhex("00B0000001"), b"")])
    r = Reader([card, Card(VITALE_ATR)])
    r.on()
    r.put(0x6F, unhex("00B0000001"))
    idle(r, 2)
    asked = r.seq_ccid
    assert r.ccid(0x62, slot=1)[:3] == (0x80, PRESENT | FAILED, 0xE0)
    assert r.ccid(0x65)[:2] == (0x81, ACTIVE)
    r.put(0x72)
    aborted = r.frame_in()
    assert aborted[8] == asked and aborted[10] == 0xFF
    assert r.result()[:3] == (0x81, PRESENT, 0)


def test_bad_frames_are_refused_and_the_next_one_is_heard():
    r = Reader([Card(CPS3_ATR)])
    good = r.put(0x65)
    r.line.to_board = bytearray(good[:-1] + bytes((good[-1] ^ 1,)))
    assert r.frame_in() == unhex("031516")
    assert r.ccid(0x65)[0] == 0x81
    r.line.to_board += unhex("0306 6F FFFFFF7F 00 01 000000")
    assert r.frame_in() == unhex("031516")
    r.board.t += 200
    idle(r, 2)
    assert r.ccid(0x65)[0] == 0x81
    r.line.to_board += good[:7]
    idle(r, 2)
    r.board.t += 2000
    idle(r, 2)
    answer = r.ccid(0x65)
    r.line.to_board += unhex("031516")
    assert r.result() == answer, "the host's NAK gets the last answer again"


def test_frames_cut_at_every_byte():
    r = Reader([Card(CPS3_ATR)])
    frame = bytes(r.put(0x6B, b"\x06"))
    r.line.to_board = bytearray()
    for cut in range(1, len(frame)):
        r.line.to_board += frame[:cut]
        r.turn()
        r.line.to_board += frame[cut:]
        assert r.result()[0] == 0x83


def test_fuzzed_lines():
    """Bytes of any kind, and frames with any header: the reader stays in step and the card works afterwards."""
    random.seed(20261121)
    r = Reader([Card(CPS3_ATR, script=[]), Card(VITALE_ATR)], "GemPCTwin")
    for i in range(1500):
        if random.randrange(3) == 0:
            r.line.to_board += bytes(random.getrandbits(8) for _ in range(random.randrange(1, 60)))
        else:
            kinds = (0x62, 0x63, 0x65, 0x6C, 0x61, 0x6B, 0x69, 0x72, 0x73, 0x6E, random.getrandbits(8))
            kind = kinds[random.randrange(len(kinds))]
            data = bytes(random.getrandbits(8) for _ in range(random.randrange(0, 25)))
            extra = bytes(random.getrandbits(8) for _ in range(3))
            r.put(kind, b"" if kind == 0x6F else data, random.randrange(3), extra)
        for _ in range(4):
            r.turn()
        r.frames.clear()
        r.bare = bytearray()
        r.board.screens.clear()
        r.board.slots[0].calls.clear()
        r.board.slots[0].got = bytearray()
        r.board.slots[0].all = bytearray()
    for _ in range(50):
        r.board.t += 2000
        r.turn()
    r.frames.clear()
    assert r.ccid(0x62, extra=b"\x00\0\0")[0] == 0x80
    r.ccid(0x63)
    r.board.slots[0].script = [(unhex("00B0000001"), unhex("B0 07 9000"))]
    r.on()
    assert r.ccid(0x6F, unhex("00B0000001"))[4] == unhex("07 9000")


def test_no_heap_growth():
    card = Card(CPS3_ATR, apdu=lambda header, data: (bytes(header[4]), 0x9000))
    card.trace = False
    r = Reader([card])
    r.on()
    levels = []
    for _ in range(3):
        for _ in range(700):
            assert len(r.ccid(0x6F, unhex("00B0000039"))[4]) == 0x39 + 2
        gc.collect()
        levels.append(gc.mem_alloc())
    assert levels[2] <= levels[1] + 64, levels


def test_a_host_that_does_not_read_loses_nothing():
    r = Reader([Card(CPS3_ATR)], "GemPCTwin")
    r.line.room = 0
    frames = [r.put(0x6B, b"\x02") for _ in range(60)]
    idle(r, 30)
    assert not r.frames
    r.line.room = 7
    for i, frame in enumerate(frames):
        assert r.frame_in() == frame, i
        answer = r.frame_in()
        assert answer[2] == 0x83 and answer[8] == i + 1, i
