"""Card scripts run near the card; `protocol/tournee_protocol/SPEC.md` §7, pinned by vectors.json."""

from micropython import const

from . import _link, _scripts
from .errors import Refused
from .iso7816.apdu import MAX_APDU, check

_HEAD = const(5)  # step, SW, length
_KNOWN_FLAGS = const(0x07)
_MAX_OFFSET = const(0x8000)


class Runner:
    """The SCRIPT request; one per terminal."""

    def __init__(self):
        self._apdu = memoryview(bytearray(MAX_APDU))
        self._apdus = 0

    def run(self, server, slot, script, end):
        """Generator: answers go to `server.answer` from `server.answer_at` on, where what is emitted stays as it is; raises Refused
        after the answers so far.
        """
        self._check(script, end)
        self._apdus = 0
        first = server.answer_at
        at = index = 0
        skip = False
        while at < end:
            kind, flags, body, at = _scripts.read_step(script, at, end)
            if skip:
                skip = False
            else:
                if kind == _scripts.STEP_READ:
                    sw = yield from self._read(server, slot, index, flags, body, first)
                else:
                    sw = yield from self._commands(server, slot, index, kind, flags, body, first)
                skip = _error(sw) and bool(flags & _scripts.STEP_FLAG_SKIP_ON_ERROR)
                if _error(sw) and flags & _scripts.STEP_FLAG_STOP_ON_ERROR:
                    return
            index += 1

    def _check(self, script, end):
        """Refuse the whole script before anything is sent."""
        at = steps = 0
        forbidden = False
        try:
            while at < end:
                kind, flags, body, at = _scripts.read_step(script, at, end)
                steps += 1
                if flags & ~_KNOWN_FLAGS or steps > _scripts.MAX_STEPS:
                    raise Refused(_link.STATUS_SCRIPT_INVALID)
                if kind == _scripts.STEP_READ:
                    sfi, _, _, _ = _scripts.read_read_step(body, 0, len(body))
                    if sfi > 30:
                        raise Refused(_link.STATUS_SCRIPT_INVALID)
                    continue
                if kind == _scripts.STEP_APDU:
                    apdu = body
                elif kind == _scripts.STEP_LOOP:
                    _, _, apdu, _ = _scripts.read_loop_step(body, 0, len(body))
                else:
                    raise Refused(_link.STATUS_SCRIPT_INVALID)
                why = check(apdu, len(apdu))
                if why == _link.STATUS_FORBIDDEN:
                    forbidden = True
                elif why != _link.STATUS_OK:
                    raise Refused(_link.STATUS_SCRIPT_INVALID)
        except ValueError:
            raise Refused(_link.STATUS_SCRIPT_INVALID)
        if forbidden:
            raise Refused(_link.STATUS_FORBIDDEN)

    def _commands(self, server, slot, index, kind, flags, body, first):
        """APDU and LOOP; returns the SW that counts for the flags."""
        limit, p2_step = 1, 0
        apdu = body
        if kind == _scripts.STEP_LOOP:
            limit, p2_step, apdu, _ = _scripts.read_loop_step(body, 0, len(body))
        n = len(apdu)
        self._apdu[:n] = apdu
        counts = 0x9000
        for turn in range(limit):
            at = server.answer_at
            length = yield from self._exchange(server, slot, n, at + _HEAD)
            sw = slot.apdu.sw
            self._emit(server, index, flags, sw, length - 2, first)
            if turn == 0:
                counts = sw
            if sw != 0x9000:
                break
            self._apdu[3] = (self._apdu[3] + p2_step) & 0xFF
        return counts

    def _read(self, server, slot, index, flags, body, first):
        """An answer for each command, so that what was read can be sent while the card reads on."""
        sfi, chunk, limit, _ = _scripts.read_read_step(body, 0, len(body))
        have = got = 0
        sw = 0x9000
        apdu = self._apdu
        apdu[0], apdu[1] = 0x00, 0xB0
        while have < limit and have < _MAX_OFFSET:
            want = min(chunk or 256, limit - have)
            if have or not sfi:
                apdu[2], apdu[3] = have >> 8, have & 0xFF
            else:
                apdu[2], apdu[3] = 0x80 | sfi, 0
            apdu[4] = want & 0xFF
            length = yield from self._exchange(server, slot, 5, server.answer_at + _HEAD)
            sw = slot.apdu.sw
            got = length - 2
            have += got
            if sw != 0x9000 or got < want or have >= limit or have >= _MAX_OFFSET:
                break
            self._emit(server, index | _link.ANSWER_MORE, flags, sw, got, first)
        if have:
            sw = 0x9000
        self._emit(server, index, flags, sw, got, first)
        return sw

    def _exchange(self, server, slot, n, at):
        """One APDU; its answer stands at `server.answer[at:]`; returns its length with SW."""
        self._apdus += 1
        if self._apdus > _scripts.MAX_APDUS:
            raise Refused(_link.STATUS_SCRIPT_LIMIT)
        slot.transmit(self._apdu, n, server.answer[at:], server.now)
        try:
            yield from server.until_idle(slot)
        except Refused as refused:
            if refused.status == _link.STATUS_TOO_LONG:
                raise Refused(_link.STATUS_SCRIPT_LIMIT)
            raise
        if server.cancelled:
            raise Refused(_link.STATUS_CANCELLED)
        return slot.apdu.length

    def _emit(self, server, index, flags, sw, n, first):
        """The data stands already behind the place of the answer's head."""
        if flags & _scripts.STEP_FLAG_QUIET and not _error(sw):
            return
        at = server.answer_at
        end = at + _HEAD + n
        if end - first > _scripts.MAX_BYTES:
            raise Refused(_link.STATUS_SCRIPT_LIMIT)
        _link.write_script_answer(server.answer, at, index, sw, server.answer[at + _HEAD : end])
        server.answer_at = end


def _error(sw):
    return sw != 0x9000 and sw & 0xFF00 != 0x6200
