"""The line goes to MicroPython's REPL: when a host asks for it, with no card in use; and when a key is held at power-on."""

from fakes import CPS3_ATR, Card, Pipe, Rig

from tournee_fw import _link

OK = _link.STATUS_OK


def rig(behind=True):
    """A line behind which is a REPL; nobody has greeted."""
    pipe = Pipe()
    pipe.repl = behind
    pipe.closed = 0

    def close():
        pipe.closed += 1

    pipe.close = close
    return Rig([Card(CPS3_ATR)], pipes=[pipe])


def ask(r):
    r.send(_link.OP_REPL, b"", 0)
    return r.wait_for(_link.OP_REPL, 0)[0]


def run(r, healthy=None):
    """`Terminal.run`, with the host's half of each turn; at most 3 000 turns."""
    turn, n = r.terminal.turn, [0]

    def counted(most_ms):
        n[0] += 1
        assert n[0] < 3000, "it did not end"
        turn(most_ms)

    r.terminal.turn = counted
    r.terminal.run(healthy)
    return n[0]


def test_a_host_gets_its_answer_before_the_line_is_left():
    r = rig()
    r.pipe.room = 3
    r.send(_link.OP_REPL, b"", 0)
    run(r)
    assert r.pipe.closed == 1
    r._read(r.pipe)
    assert [x[2] for x in r.responses if x[0] == _link.OP_REPL] == [OK]


def test_a_line_without_a_repl_is_not_left():
    r = rig(behind=False)
    assert ask(r) == _link.STATUS_FORBIDDEN
    assert not r.terminal.server.left()


def test_a_powered_card_keeps_the_terminal_whoever_asks():
    r = rig()
    r.hello()
    assert r.power()[0] == OK
    assert ask(r) == _link.STATUS_BUSY
    assert r.ask(_link.OP_SLOTS)[0] == OK, "the session goes on"
    assert r.ask(_link.OP_POWER_OFF, b"\0")[0] == OK
    assert ask(r) == OK
    assert r.terminal.server.left()


def test_a_host_that_vanishes_with_its_answer_does_not_keep_the_line():
    r = rig()
    r.pipe.room = 0
    r.send(_link.OP_REPL, b"", 0)
    for _ in range(5):
        r.turn()
    assert not r.terminal.server.left()
    r.pipe.connected = False
    run(r)
    assert r.pipe.closed == 1


def test_a_key_held_at_power_on_leaves_the_repl_at_once():
    r = rig()
    r.board.held = lambda: True
    assert run(r) == 0 and r.pipe.closed == 1


def test_a_version_has_come_up_once_it_has_run_five_seconds():
    r = rig()
    up, waits = [], []
    wait = r.board.wait

    def waiting(ms):
        waits.append(ms)
        wait(min(ms, 60_000))  # what the unix port sleeps at most
        if r.board.t >= 20_000:
            r.send(_link.OP_REPL, b"", 0)

    r.board.wait = waiting
    run(r, lambda: up.append(r.board.t))
    assert len(up) == 1 and 5_000 <= up[0] <= 7_000, up
    assert max(waits) > 60_000, "afterwards it sleeps as long as nothing is due"
