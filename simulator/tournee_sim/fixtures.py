"""pytest fixtures around a running simulated terminal (real firmware in MicroPython, byte-level cards).

In `tests/conftest.py`: `from tournee_sim.fixtures import keys, terminals`. Then

    def test_something(terminals):
        terminal = terminals(cps="cps-medecin", vitale="vitale-famille", link="tcp")
        terminal.url                  # tcp:127.0.0.1:PORT, serial:/…/tty or ble:NAME?hci=tcp:…
        terminal.insert(1, "vitale-seule"); terminal.pull(1)
        terminal.type("1234\\r")       # keypad: digits, \\r OK, \\x1b cancel, \\b correct
        terminal.display()            # the four lines
        terminal.pin                  # code porteur of the day
        terminal.counters()           # bytes, frames, per card: verify, sign, apdus
        terminal.fault("link-cut", direction="to_host", after=10)
        terminal.kill(); terminal.restart(); terminal.stop()

`terminals(...)` takes every option of `tournee_sim.boards.unix.BoardConfig`. Everything stops with the test. `keys` is the
directory of test keys (TOURNEE_TEST_KEYS or one per test run).
"""
