"""The raw REPL of a board, its line stood in for: what is done when a program is broken off."""

from __future__ import annotations

import pytest

from tournee.flash.adapters import remote, repl


class Line:
    """mpremote's transport with a program that never ends; `hears` Ctrl-C or not."""

    def __init__(self, hears: bool) -> None:
        self.hears = hears
        self.done: list[object] = []
        self.serial = self

    def exec_raw(self, program: str, **options: object) -> None:
        raise KeyboardInterrupt

    def enter_raw_repl(self, **options: object) -> None:
        if not self.hears:
            raise remote.lost()("could not enter raw repl")
        self.done.append("stopped")

    def exec_raw_no_follow(self, program: str) -> None:
        assert "machine.reset()" in program
        self.done.append("reset")

    def read_until(self, *args: object, **options: object) -> bytes:
        return b""

    def write(self, data: bytes) -> None:
        self.done.append(data)


@pytest.mark.parametrize(("hears", "done"), [(True, ["stopped", "reset"]), (False, [])])
def test_a_program_broken_off_is_stopped_before_the_board_is_reset(hears: bool, done: list[object]) -> None:
    """A board that does not listen finds the soft reset when its program has ended; nothing else may stand before that."""
    line = Line(hears)
    board = repl.Repl("/dev/null", line)
    with pytest.raises(KeyboardInterrupt):
        board.run("while True: pass", 1.0, lambda piece: None)
    board.reset()
    assert line.done == [*done, b"\r\x02\x04"]


def test_mpremote_stands_behind_one_file() -> None:
    from pathlib import Path

    import tournee

    users = [p.name for p in Path(tournee.__file__).parent.rglob("*.py") if "mpremote." in p.read_text("utf-8")]
    assert users == ["remote.py"]
