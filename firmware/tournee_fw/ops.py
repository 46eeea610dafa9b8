"""What each request does: it writes its body into `server.answer`. One that waits is a generator, or leaves that to `server.wait_for`."""

import gc

from . import _link
from ._link import APDU_AT_APDU, APDU_AT_SLOT, MAX_RESPONSE, STATUS_BAD_MESSAGE
from .errors import Refused
from .iso7816.apdu import check, check_block
from .pin import PinEntry, confirm
from .script import Runner


class Ops:
    """`table`: by op the function of a request. `f(server, body, end)` is done when it returns, or returns a generator that yields
    the slot that it waits for, or None; it may raise `Refused`."""

    def __init__(self):
        self.pin = PinEntry()
        self._runner = Runner()
        self.table = {
            _link.OP_INFO: _info,
            _link.OP_PING: _ping,
            _link.OP_CANCEL: _nothing,
            _link.OP_GOODBYE: _goodbye,
            _link.OP_SLOTS: _slots,
            _link.OP_POWER_ON: _power_on,
            _link.OP_POWER_OFF: _power_off,
            _link.OP_APDU: _apdu,
            _link.OP_TPDU: _tpdu,
            _link.OP_SCRIPT: self._script,
            _link.OP_PIN_VERIFY: self._pin_verify,
            _link.OP_DISPLAY: _display,
            _link.OP_CONFIRM: _confirm,
            _link.OP_LOG: _log,
            _link.OP_DIAG: _diag,
        }

    def _script(self, server, body, end):
        number, script, _ = _link.read_script(body, 0, end)
        slot = server.slot(number)
        server.begin_parts()
        yield from self._runner.run(server, slot, script, len(script))

    def _pin_verify(self, server, body, end):
        server.claim_keypad(self)
        try:
            yield from self.pin.verify(server, body, end)
        finally:
            server.free_keypad(self)


def unknown(server, body, end):
    raise Refused(_link.STATUS_UNKNOWN_OP)


def _nothing(server, body, end):
    pass


def _info(server, body, end):
    server.answer_at = server.write_info(server.answer, server.answer_at)


def _ping(server, body, end):
    at = server.answer_at
    server.answer[at : at + end][:] = body
    server.answer_at = at + end


def _goodbye(server, body, end):
    server.power_off()


def _slots(server, body, end):
    for slot in server.slots:
        powered = slot.link_state == _link.SLOT_POWERED
        server.answer_at = _link.write_slot_entry(
            server.answer,
            server.answer_at,
            slot.number,
            slot.link_state,
            slot.protocol_number if powered else 0,
            slot.fidi if powered else 0,
            slot.atr,
        )


def _power_on(server, body, end):
    number, voltage, warm, _ = _link.read_power_on(body, 0, end)
    slot = server.slot(number)
    if voltage > _link.VOLT_C_1V8 or warm > 1:
        raise Refused(_link.STATUS_BAD_MESSAGE)
    slot.power_on(voltage, bool(warm), server.now)
    yield from server.until_idle(slot)
    server.answer_at = _link.write_power_on_reply(
        server.answer, server.answer_at, slot.protocol_number, slot.fidi, slot.volt_class, slot.atr
    )


def _power_off(server, body, end):
    number, _ = _link.read_power_off(body, 0, end)
    server.slot(number).power_off()


def _apdu(server, body, end):
    if not end:
        raise Refused(STATUS_BAD_MESSAGE)
    slot = server.slot(body[APDU_AT_SLOT])
    body = body[APDU_AT_APDU:]
    end -= APDU_AT_APDU
    why = check(body, end)
    if why:
        raise Refused(why)
    slot.transmit(body, end, server.answer[server.answer_at : MAX_RESPONSE], server.now)
    server.wait_for(slot)


def _tpdu(server, body, end):
    if not end:
        raise Refused(STATUS_BAD_MESSAGE)
    slot = server.slot(body[APDU_AT_SLOT])
    body = body[APDU_AT_APDU:]
    end -= APDU_AT_APDU
    why = check_block(body, end) if slot.protocol_number else check(body, end)
    if why:
        raise Refused(why)
    slot.transmit_raw(body, end, server.answer[server.answer_at : MAX_RESPONSE], server.now, 1)
    server.wait_for(slot)


def _display(server, body, end):
    lines, _ = _link.read_display(body, 0, end)
    if len(lines) > 4:
        raise Refused(_link.STATUS_BAD_MESSAGE)
    try:
        server.display.host([str(line, "utf-8") for line in lines])
    except UnicodeError:
        raise Refused(_link.STATUS_BAD_MESSAGE)


def _confirm(server, body, end):
    server.claim_keypad(confirm)
    try:
        yield from confirm(server, body, end)
    finally:
        server.free_keypad(confirm)


def _log(server, body, end):
    at = server.answer_at
    server.answer_at = at + server.log.copy(server.answer[at:], _link.MAX_RESPONSE - at)


def _diag(server, body, end):
    board = server.board
    text = "battery_percent %d\nclock_ms %d\nheap_free %d\ncard_clock_khz %d\n" % (
        board.battery,
        board.now_ms(),
        gc.mem_free(),
        board.clock_khz,
    )
    at = server.answer_at
    server.answer[at : at + len(text)][:] = text.encode()
    server.answer_at = at + len(text)
