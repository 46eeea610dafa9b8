"""The template of a board: what a team copies builds and starts as it stands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tournee.flash import fileset
from tournee.flash.adapters import cross
from tournee_sim.boards.process import find_micropython
from tournee_sim.pytest_plugin import need

ROOT = Path(__file__).resolve().parents[2]
START = """
import sys
sys.path.insert(0, {firmware!r})
sys.path.insert(0, {shim!r})
from tournee_fw.boards.TEMPLATE.main import board
from tournee_fw.app import Terminal
terminal = Terminal(board("conformance", []), "Tournee-9901", "")
for _ in range(5):
    terminal.poll()
    terminal.board.wait(5)
print("slots", [slot.link_state for slot in terminal.slots])
"""
MACHINE = """
class Pin:
    IN = OUT = PULL_UP = IRQ_FALLING = IRQ_RISING = OPEN_DRAIN = 0
def reset():
    pass
"""


def test_the_template_builds() -> None:
    wanted = fileset.sources("TEMPLATE")
    assert "boards/TEMPLATE/hal.py" in wanted
    for name, text in wanted.items():
        assert cross.compiled(name, text), name


def test_the_template_starts_a_terminal_with_empty_slots(tmp_path: Path) -> None:
    """In MicroPython's unix port, whose `machine` has no pins: those of this file stand in."""
    need("micropython")
    (tmp_path / "machine.py").write_text(MACHINE, "utf-8")
    script = tmp_path / "start.py"
    script.write_text(START.format(firmware=str(ROOT / "firmware"), shim=str(tmp_path)), "utf-8")
    done = subprocess.run(
        [find_micropython(), "-X", "heapsize=320k", str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip().endswith("slots [0, 0]"), done.stdout + done.stderr


def test_every_board_folder_can_be_conformed(root: Path) -> None:
    """`board(name, transports)` is there wherever a team could run the suite."""
    for path in (root / "firmware/tournee_fw/boards").glob("*/main.py"):
        if path.parent.name not in ("UNIX", "MPS2_AN385"):  # simulated: the tests build their boards themselves
            done = subprocess.run(
                [sys.executable, str(root / "firmware/conform.py"), "--board", path.parent.name, "--show"],
                capture_output=True,
                text=True,
                check=True,
            )
            assert "import board" in done.stdout
            assert "\ndef board(" in path.read_text("utf-8")
