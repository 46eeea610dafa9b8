"""What each request does. A request is a generator: it yields while it waits and writes its body into `server.answer`."""

import gc

from . import _link
from .errors import Refused
from .iso7816.apdu import check, check_block
from .pin import PinEntry, confirm
from .script import Runner


class Ops:
    """`request(server, op, body)` gives the generator of a request; it ends, or raises `Refused`."""

    def __init__(self):
        self.pin = PinEntry()
        self._runner = Runner()
        self._table = {
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

    def request(self, server, op, body):
        handler = self._table.get(op)
        return _unknown() if handler is None else handler(server, body, len(body))

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


def _unknown():
    raise Refused(_link.STATUS_UNKNOWN_OP)
    yield


def _nothing(server, body, end):
    return
    yield


def _info(server, body, end):
    server.answer_at = server.write_info(server.answer, server.answer_at)
    return
    yield


def _ping(server, body, end):
    at = server.answer_at
    server.answer[at : at + end][:] = body
    server.answer_at = at + end
    return
    yield


def _goodbye(server, body, end):
    server.power_off()
    return
    yield


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
    return
    yield


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
    return
    yield


def _apdu(server, body, end):
    return _transmit(server, body, end, False)


def _tpdu(server, body, end):
    return _transmit(server, body, end, True)


def _transmit(server, body, end, raw):
    number, apdu, _ = _link.read_apdu(body, 0, end)
    slot = server.slot(number)
    n = len(apdu)
    why = check_block(apdu, n) if raw and slot.protocol_number else check(apdu, n)
    if why != _link.STATUS_OK:
        raise Refused(why)
    at = server.answer_at
    slot.transmit(apdu, n, server.answer[at:], _link.MAX_RESPONSE - at, server.now, raw)
    yield from server.until_idle(slot)
    server.answer_at = at + slot.apdu.length


def _display(server, body, end):
    lines, _ = _link.read_display(body, 0, end)
    if len(lines) > 4:
        raise Refused(_link.STATUS_BAD_MESSAGE)
    try:
        server.display.host([str(line, "utf-8") for line in lines])
    except UnicodeError:
        raise Refused(_link.STATUS_BAD_MESSAGE)
    return
    yield


def _confirm(server, body, end):
    server.claim_keypad(confirm)
    try:
        yield from confirm(server, body, end)
    finally:
        server.free_keypad(confirm)


def _log(server, body, end):
    at = server.answer_at
    server.answer_at = at + server.log.copy(server.answer[at:], _link.MAX_RESPONSE - at)
    return
    yield


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
    return
    yield
