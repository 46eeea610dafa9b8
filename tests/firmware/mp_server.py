"""Sessions, at most once, out-of-band requests, events, display, log: SPEC.md §4."""

import struct

from fakes import CPS3_ATR, Card, Pipe, Rig, unhex

from tournee_fw import _link

OK = _link.STATUS_OK


def counting_card():
    """A card that counts its commands: answers with the count."""
    count = [0]

    def apdu(header, data):
        count[0] += 1
        return bytes((count[0],)), 0x9000

    return Card(CPS3_ATR, apdu=apdu), count


def rig(*cards, pipes=None):
    r = Rig(list(cards), pipes=pipes)
    r.hello()
    return r


def repeat(r, op, body):
    """The last number again, in a new connection's frames."""
    r.send(op, body, r.number)
    return r.wait_for(op, r.number)


def test_boot_event_comes_first_on_a_new_line():
    r = Rig([Card()])
    r.turn()
    assert r.events == [(_link.EVENT_BOOT, b"\x01" * 8)]


def test_before_hello():
    r = Rig([Card()])
    assert r.apdu("00B0000000")[0] == _link.STATUS_NO_SESSION
    assert r.ask(_link.OP_INFO)[0] == OK
    assert r.ask(_link.OP_PING, b"abc") == (OK, b"abc")


def test_hello_reply():
    r = Rig([Card(), Card()])
    assert r.hello() == b"\x01" + b"\x01" * 8 + b"\x00" + b"\0\0\0\0" + struct.pack(">H", 512) + b"\x02"


def test_hello_of_another_version():
    r = Rig([Card()])
    r.send(_link.OP_HELLO, b"\x02sessionA", 0)
    assert r.wait_for(_link.OP_HELLO, 0)[0] == _link.STATUS_BAD_MESSAGE
    r.send(_link.OP_HELLO, b"\x01sess", 0)
    assert r.wait_for(_link.OP_HELLO, 0)[0] == _link.STATUS_BAD_MESSAGE


def test_a_repeated_number_is_answered_and_not_run():
    card, count = counting_card()
    r = rig(card)
    r.power()
    first = r.apdu("00B0000001")
    assert first == (OK, b"\x01\x90\x00")
    for _ in range(3):
        assert repeat(r, _link.OP_APDU, b"\0" + unhex("00B0000001")) == first
    assert count[0] == 1
    assert r.apdu("00B0000001") == (OK, b"\x02\x90\x00")


def test_a_repeated_number_with_other_bytes_is_refused():
    card, count = counting_card()
    r = rig(card)
    r.power()
    r.apdu("00B0000001")
    assert repeat(r, _link.OP_APDU, b"\0" + unhex("00B0000101"))[0] == _link.STATUS_BAD_MESSAGE
    assert count[0] == 1


def test_stale_number():
    r = rig(Card())
    r.ask(_link.OP_PING)
    r.ask(_link.OP_PING)
    r.send(_link.OP_PING, b"", 1)
    assert r.wait_for(_link.OP_PING, 1)[0] == _link.STATUS_STALE


def test_resume_after_a_lost_link_keeps_power_and_answer():
    card, count = counting_card()
    r = rig(card)
    r.power()
    first = r.apdu("00B0000001")
    r.pipe.connected = False
    r.turn()
    r.pipe.connected = True
    body = r.hello()
    assert body[9] == 1 and struct.unpack(">L", body[10:14])[0] == r.number
    assert repeat(r, _link.OP_APDU, b"\0" + unhex("00B0000001")) == first
    assert count[0] == 1 and card.vcc_now


def test_link_lost_while_the_request_runs():
    card, count = counting_card()
    answers = card.apdu
    card.apdu = None
    r = rig(card)
    r.power()
    r.start(_link.OP_APDU, b"\0" + unhex("00B0000001"))
    r.turn()
    r.pipe.connected = False
    r.turn()
    card.apdu = answers
    card._answer()
    for _ in range(5):
        r.turn()
    r.pipe.connected = True
    assert r.hello()[9] == 1
    assert repeat(r, _link.OP_APDU, b"\0" + unhex("00B0000001")) == (OK, b"\x01\x90\x00")
    assert count[0] == 1


def test_a_repeat_while_it_runs_says_busy_and_runs_nothing():
    card = Card(CPS3_ATR)
    r = rig(card)
    r.power()
    number = r.start(_link.OP_APDU, b"\0" + unhex("00B0000001"))
    r.turn()
    r.events.clear()
    r.send(_link.OP_APDU, b"\0" + unhex("00B0000001"), number)
    r.turn()
    r.turn()
    assert (_link.EVENT_BUSY, struct.pack(">BL", _link.OP_APDU, number)) in r.events
    assert bytes(card.all) == unhex("00B0000001")


def test_another_request_while_one_runs_is_busy_and_not_stored():
    card = Card(CPS3_ATR)
    r = rig(card)
    r.power()
    number = r.start(_link.OP_APDU, b"\0" + unhex("00B0000001"))
    r.turn()
    assert r.ask(_link.OP_SLOTS)[0] == _link.STATUS_BUSY
    card.out += unhex("6A82")
    assert r.wait_for(_link.OP_APDU, number) == (OK, unhex("6A82"))
    assert repeat(r, _link.OP_SLOTS, b"")[0] == OK


def test_ping_is_answered_while_a_request_runs():
    card = Card(CPS3_ATR)
    r = rig(card)
    r.power()
    number = r.start(_link.OP_APDU, b"\0" + unhex("00B0000001"))
    r.turn()
    r.send(_link.OP_PING, b"still there?", 0)
    assert r.wait_for(_link.OP_PING, 0) == (OK, b"still there?")
    card.out += unhex("6A82")
    assert r.wait_for(_link.OP_APDU, number)[0] == OK


def test_busy_event_about_every_second():
    card = Card(CPS3_ATR)
    r = rig(card)
    r.power()
    r.events.clear()
    r.start(_link.OP_APDU, b"\0" + unhex("00B0000001"))
    for _ in range(8):
        r.turn()
        card.out += b"\x60"
    busy = [e for e in r.events if e[0] == _link.EVENT_BUSY]
    assert len(busy) >= 2


def test_a_new_session_powers_everything_off_and_forgets():
    card, count = counting_card()
    r = rig(card)
    r.power()
    r.apdu("00B0000001")
    body = r.hello(b"sessionB")
    assert body[9] == 0 and body[10:14] == b"\0\0\0\0"
    assert card.vcc_now == 0
    r.number = 0
    assert r.apdu("00B0000001")[0] == _link.STATUS_NOT_POWERED


def test_a_session_without_requests_is_powered_off():
    card, count = counting_card()
    r = rig(card)
    r.power()
    r.board.wait(_link.SESSION_IDLE_MS - 60_000)
    r.turn()
    assert card.vcc_now
    assert r.apdu("00B0000001")[0] == OK
    r.board.wait(_link.SESSION_IDLE_MS - 60_000)
    r.turn()
    assert card.vcc_now, "a request starts the time again"
    r.board.wait(60_000)
    r.turn()
    assert card.vcc_now == 0
    assert r.apdu("00B0000001")[0] == _link.STATUS_NOT_POWERED
    assert count[0] == 1


def test_a_new_session_ends_the_request_that_runs():
    card = Card(CPS3_ATR)
    r = rig(card)
    r.power()
    number = r.start(_link.OP_APDU, b"\0" + unhex("00B0000001"))
    r.turn()
    r.hello(b"sessionB")
    for _ in range(5):
        r.turn()
    assert not [x for x in r.responses if x[1] == number]
    assert card.vcc_now == 0
    r.number = 0
    assert r.ask(_link.OP_PING, b"x") == (OK, b"x")


def test_a_session_moves_to_another_line():
    card, count = counting_card()
    pipes = [Pipe(), Pipe()]
    r = rig(card, pipes=pipes)
    r.power()
    first = r.apdu("00B0000001")
    assert r.hello(pipe=pipes[1])[9] == 1
    r.send(_link.OP_APDU, b"\0" + unhex("00B0000001"), r.number, pipes[1])
    assert r.wait_for(_link.OP_APDU, r.number) == first
    r.seq = 0
    r.send(_link.OP_PING, b"", r.number + 1, pipes[0])
    assert r.wait_for(_link.OP_PING, r.number + 1)[0] == _link.STATUS_NO_SESSION
    assert count[0] == 1


def test_goodbye():
    card = Card(CPS3_ATR)
    r = rig(card)
    r.power()
    assert r.ask(_link.OP_GOODBYE) == (OK, b"")
    assert card.vcc_now == 0
    assert r.ask(_link.OP_SLOTS)[0] == _link.STATUS_NO_SESSION


def test_unknown_op_and_short_bodies():
    r = rig(Card())
    assert r.ask(0x7F)[0] == _link.STATUS_UNKNOWN_OP
    for op in (
        _link.OP_POWER_ON,
        _link.OP_POWER_OFF,
        _link.OP_APDU,
        _link.OP_TPDU,
        _link.OP_SCRIPT,
        _link.OP_PIN_VERIFY,
        _link.OP_CONFIRM,
    ):
        assert r.ask(op) == (_link.STATUS_BAD_MESSAGE, b""), op
    assert r.ask(_link.OP_DISPLAY, b"\x05ab")[0] == _link.STATUS_BAD_MESSAGE
    assert r.ask(_link.OP_DISPLAY, b"\x02\xff\xfe")[0] == _link.STATUS_BAD_MESSAGE
    assert r.ask(_link.OP_POWER_ON, b"\0\x09\0")[0] == _link.STATUS_BAD_MESSAGE


def test_out_of_band_only_for_ping_cancel_info():
    r = rig(Card())
    r.send(_link.OP_APDU, b"\0" + unhex("00B0000001"), 0)
    assert r.wait_for(_link.OP_APDU, 0)[0] == _link.STATUS_BAD_MESSAGE
    r.send(_link.OP_CANCEL, b"", 0)
    assert r.wait_for(_link.OP_CANCEL, 0) == (OK, b"")


def test_forbidden_pin_in_apdu_tpdu_and_script():
    card = Card(CPS3_ATR)
    r = rig(card)
    r.power()
    before = bytes(card.all)
    verify = unhex("0020000104 31323334")
    for cla in (0x00, 0x10, 0x80, 0xA0):
        command = bytes((cla,)) + verify[1:]
        assert r.ask(_link.OP_APDU, b"\0" + command)[0] == _link.STATUS_FORBIDDEN
        assert r.ask(_link.OP_TPDU, b"\0" + command)[0] == _link.STATUS_FORBIDDEN
        step = b"\x01\x00" + struct.pack(">H", len(command)) + command
        assert r.ask(_link.OP_SCRIPT, b"\0" + step)[0] == _link.STATUS_FORBIDDEN
    assert bytes(card.all) == before


def test_answers_of_every_length_come_whole():
    """Through a transport that takes seven bytes per turn."""
    big = Card(CPS3_ATR, apdu=lambda header, data: (bytes(header[4] or 256), 0x9000))
    r = rig(big)
    r.pipe.room = 7
    r.power()
    step = b"\x02\x00\x00\x04\x00\x00\x1e\x00"  # READ, up to 7680 bytes
    status, body = r.ask(_link.OP_SCRIPT, b"\0" + step)
    assert status == OK and len(body) == 30 * (5 + 256)
    assert r.apdu("00B0000000") == (OK, bytes(256) + b"\x90\x00")


def test_script_limit_gives_the_answers_so_far():
    big = Card(CPS3_ATR, apdu=lambda header, data: (bytes(header[4] or 256), 0x9000))
    r = rig(big)
    r.power()
    read = b"\x02\x00\x00\x04\x00\x00\x10\x00"  # 4096 bytes each
    status, body = r.ask(_link.OP_SCRIPT, b"\0" + read + read)
    assert status == _link.STATUS_SCRIPT_LIMIT and len(body) == 30 * (5 + 256)
    assert r.ask(_link.OP_PING, b"x") == (OK, b"x")


def counted_file():
    """A card whose file holds other bytes at each place."""
    return Card(
        CPS3_ATR, apdu=lambda header, data: (bytes((header[2] + at) & 255 for at in range(header[4] or 256)), 0x9000)
    )


READ_1000 = b"\0" + b"\x02\x00\x00\x04\x00\x00\x03\xe8"
ANSWERS_1000 = b"".join(
    bytes((0x80 if at < 3 else 0, 0x90, 0x00)) + struct.pack(">H", n) + bytes((at + i) & 255 for i in range(n))
    for at, n in enumerate((256, 256, 256, 232))
)


def test_answers_go_ahead_while_the_card_reads_on():
    r = rig(counted_file())
    r.power()
    number = r.start(_link.OP_SCRIPT, READ_1000)
    ahead = []
    while not r.responses:
        r.turn()
        if r.ahead[1] and not r.responses:
            ahead.append(len(r.ahead[1]))
    assert ahead and r.ahead[0] == number and len(r.ahead[1]) % _link.PART_BYTES == 0
    assert len(ANSWERS_1000) - len(r.ahead[1]) <= _link.PART_BYTES  # the response had only the rest
    assert r.wait_for(_link.OP_SCRIPT, number) == (OK, ANSWERS_1000)
    r.ahead = (0, b"")
    assert repeat(r, _link.OP_SCRIPT, READ_1000) == (OK, ANSWERS_1000)  # whole, nothing ahead
    assert r.ahead == (0, b"")


def test_a_line_that_was_greeted_anew_gets_no_parts():
    """Nor does one that was lost: the host has none of those before."""
    card = counted_file()
    r = rig(card)
    r.power()
    number = r.start(_link.OP_SCRIPT, READ_1000)
    while not r.ahead[1]:
        r.turn()
    ahead = len(r.ahead[1])
    r.hello()
    assert len(r.ahead[1]) <= ahead + _link.PART_BYTES  # one was on its way
    r.ahead = (0, b"")
    assert r.wait_for(_link.OP_SCRIPT, number) == (OK, ANSWERS_1000)
    assert r.ahead == (0, b"")


def test_a_card_that_fails_after_parts():
    """The response says so and has the rest of the answers so far."""
    times = [0]

    def apdu(header, data):
        times[0] += 1
        if times[0] == 3:
            return b"", 0x1234  # no procedure byte
        return bytes(256), 0x9000

    r = rig(Card(CPS3_ATR, apdu=apdu))
    r.power()
    status, body = r.ask(_link.OP_SCRIPT, READ_1000)
    assert status == _link.STATUS_PROTOCOL and len(body) == 2 * (5 + 256) and r.ahead[1]


def test_script_cancelled():
    card = Card(CPS3_ATR)
    r = rig(card)
    r.power()
    step = b"\x01\x00\x00\x05" + unhex("00B0000001")
    number = r.start(_link.OP_SCRIPT, b"\0" + step + step)
    r.turn()
    r.send(_link.OP_CANCEL, b"", 0)
    r.turn()
    card.out += unhex("6A82")
    assert r.wait_for(_link.OP_SCRIPT, number)[0] == _link.STATUS_CANCELLED
    assert bytes(card.all) == unhex("00B0000001")


def test_garbage_between_requests():
    r = rig(Card())
    r.pipe.to_board += b"\xa5\x5a\x01\x00\x00\x00\x01\xff" + b"junk" * 50
    r.board.t += 1000
    assert r.ask(_link.OP_PING, b"x") == (OK, b"x")


def test_display_and_idle_screen():
    r = rig(Card(present=False))
    assert r.board.lines[0] == "Tournee-TEST        "
    text = "Prêt".encode()
    assert r.ask(_link.OP_DISPLAY, bytes((len(text),)) + text + b"\x03abc") == (OK, b"")
    assert r.board.lines == ["Prêt                ", "abc                 ", " " * 20, " " * 20]
    assert r.ask(_link.OP_DISPLAY, b"\x07\x1b[31m\n\0") == (OK, b"")  # nothing that steers a console
    assert r.board.lines[0] == " [31m               "
    assert r.ask(_link.OP_DISPLAY) == (OK, b"")
    assert r.board.lines[0] == "Tournee-TEST        "
    assert r.ask(_link.OP_DISPLAY, b"\0" * 5)[0] == _link.STATUS_BAD_MESSAGE


def test_battery_stands_on_the_idle_screen():
    r = rig(Card(), Card(present=False))
    assert r.board.lines[3] == " " * 20
    r.board.battery = 80
    r.turn()
    assert r.board.lines[3] == "Batterie : 80 %     "


def test_info():
    r = rig(Card())
    status, body = r.ask(_link.OP_INFO)
    assert status == OK
    texts, at = [], 0
    for _ in range(6):
        n = body[at]
        texts.append(body[at + 1 : at + 1 + n])
        at += 1 + n
    assert texts[1] == b"FAKE" and texts[3] == b"00" * 32 and texts[4] == b"none" and texts[5] == b"Tournee-TEST"
    boot_id, locked, heap, uptime = struct.unpack(">8sBLL", body[at:])
    assert boot_id == b"\x01" * 8 and locked == 1 and 0 < heap < 300_000 and uptime < 60, (heap, uptime, locked)


def test_log_says_what_happened_and_no_bytes_of_cards():
    card = Card(CPS3_ATR, script=[(unhex("00B0000004"), unhex("B0 DEADBEEF 9000"))])
    r = rig(card)
    r.power()
    r.apdu("00B0000004")
    r.apdu("0020000104 31323334")
    status, text = r.ask(_link.OP_LOG)
    assert status == OK and text.startswith(b"0 boot\n") and b"refused 19 23" in text, text
    assert b"DEADBEEF" not in text and b"1234" not in text and b"\xde\xad" not in text


def test_log_ring_keeps_whole_lines():
    r = rig(Card())
    for i in range(500):
        r.terminal.log.note("line", i)
    _, text = r.ask(_link.OP_LOG)
    lines = text.decode().split("\n")
    assert lines[-1] == "" and lines[-2].endswith("line 499") and all("line" in x for x in lines[:-1])


def test_heap_used_up_is_survived_and_logged():
    r = rig(Card())
    line = r.terminal.server._lines[0]
    read = line.read_into

    def full(buf):
        line.read_into = read
        raise MemoryError

    line.read_into = full
    r.terminal.turn()
    assert r.ask(_link.OP_PING, b"x") == (OK, b"x")
    assert b"memory\n" in r.ask(_link.OP_LOG)[1]


def test_a_turn_passes_over_slots_on_which_nothing_happens():
    """Cards that allow no stopped clock, or have it stopped: looked at again when something comes, and when they go."""
    card, _ = counting_card()
    r = rig(card, Card())
    for slot in (0, 1):
        assert r.power(slot)[0] == OK
    assert r.apdu("00B0000001") == (OK, b"\x01\x90\x00")
    r.board.t += 2000  # the clock of a card that allows it is stopped
    for _ in range(3):
        r.turn()
    slots = r.terminal.slots
    assert not slots[0].awake and not slots[1].awake
    looked = []
    for slot in slots:
        slot.poll = lambda now, slot=slot: (looked.append(slot.number), type(slot).poll(slot, now))
    r.turn()
    assert looked == []
    assert r.apdu("00B0000001") == (OK, b"\x02\x90\x00")
    assert looked and set(looked) == {0}
    looked.clear()
    r.board.slots[1].present = False
    r.turn()
    assert 1 in looked and slots[1].link_state == _link.SLOT_ABSENT
    assert (_link.EVENT_SLOT, b"\x01\x00") in r.events


def test_a_host_that_does_not_read_loses_events_only():
    card = Card(CPS3_ATR, present=False)
    r = rig(card)
    r.pipe.room = 0
    for i in range(40):
        card.present = not card.present
        r.turn()
    r.pipe.room = 1 << 20
    assert r.ask(_link.OP_PING, b"x") == (OK, b"x")


def test_clock_wrap_in_the_middle_of_everything():
    """(osmo-ccid 2e49ae2)"""
    card, count = counting_card()
    r = Rig([card], t=0x40000000 - 40)
    r.hello()
    assert r.power()[0] == OK
    for i in range(30):
        r.board.t += 7
        assert r.apdu("00B0000001")[0] == OK
    assert r.board.now_ms() < 0x20000000 and count[0] == 30
