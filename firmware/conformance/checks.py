"""What any HAL must pass: `run(board, pull)` in MicroPython on the board itself; a card in at least one slot makes it whole.

Sent over the REPL by `firmware/conform.py` (nothing of this is installed). Each check says OK, SKIPPED or FAILED, and why. The contract is
`tournee_fw/hal/__init__.py`.
"""

import gc

from tournee_fw.clock import left, since, wrap
from tournee_fw.hal import Board, CardPort
from tournee_fw.iso7816.tables import DI, FI, INVERSE

_QUIET_MS = 150  # of a card that has said all; its longest pause is 9600 etu, but a virtual or real card does not use that in an ATR


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def want(condition, text):
    if not condition:
        raise Failed(text)


def run(board, pull=False, say=print, only=""):
    """Number of failed checks; `pull` asks a person to pull the card of each slot; `only`: checks whose name has it."""
    results = []

    def check(name, function, *args):
        if only not in name:
            return
        try:
            text = function(*args) or ""
            status = "OK"
        except Skipped as skipped:
            status, text = "SKIPPED", skipped.args[0]
        except Failed as failed:
            status, text = "FAILED", failed.args[0]
        except Exception as error:  # whatever a new HAL throws is its failure, not the end of the report
            status, text = "FAILED", "%s %r" % (type(error).__name__, error.args)
        results.append(status)
        say("CHECK %-8s %-40s %s" % (status, name, text))

    check("board: attributes", _attributes, board)
    check("board: clock goes forward", _clock, board)
    check("board: wait ends in time", _wait, board)
    check("board: wait leaves no garbage", _wait_heap, board)
    check("board: randomness", _random, board)
    check("board: keypad at rest", _keys, board)
    check("board: display", _display, board)
    for transport in board.transports:
        check("transport: contract", _transport, board, transport)
    for i, port in enumerate(board.slots):
        at = "slot %d: " % i
        check(at + "methods", _methods, port)
        check(at + "off is quiet", _off, board, port)
        check(at + "all rates are taken", _rates, board, port)
        check(at + "answer to reset", _atr, board, port)
        check(at + "the same, read byte by byte", _piecewise, board, port)
        check(at + "the same, kept while nobody reads", _kept, board, port)
        check(at + "twenty resets leave no garbage", _card_heap, board, port)
        check(at + "an exchange, without its echo", _exchange, board, port)
        check(at + "silent without supply", _dead, board, port)
        check(at + "pulled", _pulled, board, port, pull)
    bad = results.count("FAILED")
    say("CONFORMANCE %d OK, %d SKIPPED, %d FAILED" % (results.count("OK"), results.count("SKIPPED"), bad))
    return bad


def _attributes(board):
    want(isinstance(board, Board), "not a hal.Board")
    want(isinstance(board.name, str) and 0 < len(board.name) <= 20, "name: 1 to 20 characters")
    want(1000 <= board.clock_khz <= 5000, "clock_khz %r: 1000 to 5000" % board.clock_khz)
    want(isinstance(board.slack_ms, int) and 0 <= board.slack_ms < 5000, "slack_ms %r" % board.slack_ms)
    want(-1 <= board.battery <= 100, "battery %r: percent, or -1" % board.battery)
    want(1 <= len(board.slots) <= 8, "%d slots" % len(board.slots))
    return "%s, %d kHz, %d slots" % (board.name, board.clock_khz, len(board.slots))


def _clock(board):
    last = board.now_ms()
    first = last
    for _ in range(50):
        board.wait(2)
        now = board.now_ms()
        want(now == wrap(now) and since(now, last) >= 0, "from %d to %d" % (last, now))
        last = now
    want(since(last, first) > 0, "stands still")


def _wait(board):
    start = board.now_ms()
    board.wait(0)
    want(since(board.now_ms(), start) <= 50 + board.slack_ms, "wait(0) took %d ms" % since(board.now_ms(), start))
    start = board.now_ms()
    board.wait(20)
    took = since(board.now_ms(), start)
    want(took <= 120 + board.slack_ms, "wait(20) took %d ms" % took)


def _wait_heap(board):
    for _ in range(5):
        board.wait(1)
    gc.collect()
    before = gc.mem_alloc()  # type: ignore[attr-defined]
    for _ in range(50):
        board.wait(1)
    gc.collect()
    grown = gc.mem_alloc() - before  # type: ignore[attr-defined]
    want(grown <= 64, "%d bytes stay" % grown)


def _random(board):
    for n in (1, 8, 32):
        want(len(board.random(n)) == n, "random(%d) gave %d bytes" % (n, len(board.random(n))))
    one, two = board.random(32), board.random(32)
    want(one != two, "the same twice")
    want(len(set(one)) > 8, "hardly random")


def _keys(board):
    key = board.key()
    want(key == 0 or key in b"0123456789\x0d\x1b\x08", "key %r" % key)


def _display(board):
    for line in range(4):
        board.show(line, "ligne %d : code reçu " % (line + 1))
        board.show(line, " " * 20)


def _transport(board, transport):
    now = board.now_ms()
    transport.poll(now)
    want(transport.due_ms(now) >= 0, "due_ms below 0")
    buffer = bytearray(8)
    n = transport.read_into(memoryview(buffer))
    want(0 <= n <= 8, "read_into gave %r" % n)
    want(transport.connected in (True, False), "connected is no truth value")
    return transport.name


def _methods(port):
    want(isinstance(port, CardPort), "not a hal.CardPort")
    for name in ("vcc", "io", "rst", "clk", "etu", "write", "read_into", "refused", "damaged"):
        want(callable(getattr(port, name, None)), "no " + name)
    want(port.present in (True, False) and port.removed in (True, False), "present, removed")


def _off(board, port):
    for _ in range(2):  # twice is as good as once
        _power_off(port)
    board.wait(5)
    want(port.read_into(memoryview(bytearray(16))) == 0, "characters from a card without supply")
    want(port.refused() == 0, "refused without a write")
    want(port.damaged() == 0, "damaged without a card")


def _rates(board, port):
    port.rst(0)
    for f in FI:
        for d in DI:
            if f and d:
                port.etu(f, d, 0, False)
    for guard in (-1, 0, 1, 254):
        port.etu(372, 1, guard, guard > 0)
    port.etu(372, 1, 0, False)
    _power_off(port)


def _atr(board, port):
    atr = _reset(board, port)
    want(atr[0] in (0x3B, 0x03), "TS reads %02X: 3B, or 03 for inverse convention" % atr[0])
    want(len(atr) >= 2, "only %d characters" % len(atr))
    want(port.damaged() == 0, "damaged characters")
    return "%d bytes%s" % (len(atr), ", inverse" if atr[0] == 3 else "")


def _piecewise(board, port):
    whole = _reset(board, port)
    parts = _reset(board, port, room=1)
    want(whole == parts, "%d and %d bytes" % (len(whole), len(parts)))


def _kept(board, port):
    whole = _reset(board, port)
    late = _reset(board, port, sleep_ms=300)
    want(whole == late, "%d of %d bytes are left" % (len(late), len(whole)))


def _card_heap(board, port):
    buffer = memoryview(bytearray(64))
    _reset(board, port)
    grown = 0
    for turn in range(22):
        if turn == 2:
            gc.collect()
            grown = gc.mem_alloc()  # type: ignore[attr-defined]
        _activate(board, port)
        for _ in range(20):
            board.wait(5)
            while port.read_into(buffer):
                pass
    gc.collect()
    grown = gc.mem_alloc() - grown  # type: ignore[attr-defined]
    want(grown <= 128, "%d bytes stay" % grown)


def _exchange(board, port):
    atr = _reset(board, port)
    inverse = atr[0] == 0x03
    plain = bytes([INVERSE[b] for b in atr]) if inverse else atr
    protocol, specific = _protocol(plain)
    if specific:
        raise Skipped("this card is in specific mode")
    if protocol == 0:
        sent, good = b"\x00\xa4\x00\x00\x02", (0xA4, 0x5B, 0x60)
    elif protocol == 1:
        sent, good = b"\x00\xc1\x01\xfe\x3e", (0x00,)  # S(IFS request)
    else:
        raise Skipped("T=%d" % protocol)
    port.etu(372, 1, 0, protocol == 0)
    buffer = bytearray(sent)
    if inverse:
        buffer = bytearray([INVERSE[b] for b in buffer])
    port.write(memoryview(buffer), len(buffer))
    answer = _collect(board, port, 64, 1500)
    if inverse:
        answer = bytes([INVERSE[b] for b in answer])
    want(port.refused() == 0, "refused")
    want(answer, "no answer")
    first = answer[0]
    if protocol == 0:
        want(first in good or first >> 4 in (6, 9), "answer begins with %02X" % first)
    else:
        want(answer[:4] == b"\x00\xe1\x01\xfe", "answer of %d bytes begins with %02X" % (len(answer), first))
    return "T=%d" % protocol


def _dead(board, port):
    _reset(board, port)
    _power_off(port)
    port.read_into(memoryview(bytearray(64)))
    want(not _collect(board, port, 16, 50), "characters after power-off")


def _pulled(board, port, pull):
    if not pull:
        raise Skipped("ask for it: --pull")
    if not port.present:
        raise Skipped("no card")
    _reset(board, port)
    print("CHECK pull the card now (30 s)")
    end = wrap(board.now_ms() + 30_000)
    while port.present:
        want(left(board.now_ms(), end), "the card still counts as present")
        board.wait(20)
    want(port.removed, "removed is not set")
    port.removed = False
    print("CHECK put it back (30 s)")
    while not port.present:
        want(left(board.now_ms(), end), "a card put in does not count as present")
        board.wait(20)


def _power_off(port):
    port.rst(0)
    port.clk(0)
    port.io(0)
    port.vcc(0)


def _activate(board, port, volts=1):
    _power_off(port)
    _pass(board, 12)
    port.vcc(volts)
    port.io(1)
    port.etu(372, 1, 0, False)
    port.clk(board.clock_khz)
    _pass(board, 2)
    while port.read_into(memoryview(bytearray(16))):
        pass
    port.damaged()
    port.rst(1)


def _reset(board, port, room=64, sleep_ms=0):
    """The answer to a cold reset, as the UART has it; Skipped without a card."""
    if not port.present:
        raise Skipped("no card")
    for volts in (1, 2, 3):
        _activate(board, port, volts)
        _pass(board, sleep_ms)
        atr = _collect(board, port, room, 400)
        if atr:
            return atr
    raise Failed("the card is mute in every class")


def _collect(board, port, room, first_ms):
    """What comes until nothing does."""
    buffer = memoryview(bytearray(room))
    got = bytearray()
    end = wrap(board.now_ms() + first_ms + board.slack_ms)
    while left(board.now_ms(), end):
        n = port.read_into(buffer)
        if n:
            got.extend(buffer[:n])
            end = wrap(board.now_ms() + _QUIET_MS + board.slack_ms)
        else:
            board.wait(5)
    return bytes(got)


def _pass(board, ms):
    end = wrap(board.now_ms() + ms)
    while left(board.now_ms(), end):
        board.wait(5)


def _protocol(atr):
    """First protocol offered, and whether TA2 is there."""
    y, at, level, first, specific = atr[1] >> 4, 2, 1, 0, False
    while y:
        if level == 2 and y & 1:
            specific = True
        at += (y & 1) + (y >> 1 & 1) + (y >> 2 & 1)
        if not y & 8:
            break
        if level == 1:
            first = atr[at] & 0x0F
        y = atr[at] >> 4
        at += 1
        level += 1
    return first, specific
