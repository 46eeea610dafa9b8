"""A terminal on the Cortex-M3 of QEMU, its firmware on a RAM disk, is asked for its REPL, flashed, and starts the new version."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import tournee
from building import BuildError, mps2
from tournee.flash import fileset, install
from tournee.flash.adapters import cross, images, release, repl
from tournee.flash.fileset import BASE, FileSet
from tournee_sim.boards.qemu import IMAGE_VARIABLE
from tournee_sim.boards.thread import ThreadedBoard
from tournee_sim.boards.unix import BoardConfig
from tournee_sim.pytest_plugin import need

BOARD = "MPS2_AN385"
LEFT = ("tournee_fw/app.mpy", "tournee_fw/iso7816/t0.mpy", "tournee_fw/mark.txt")
"""What a broken run has not sent yet: the emulated UART takes a minute for all."""


@pytest.fixture(scope="module")
def bare() -> Path:
    """An image with nothing frozen but the RAM disk."""
    need("qemu")
    try:
        return mps2.build(BOARD, None, 1, bare=True)
    except BuildError as error:
        need("qemu", False, f"{error} → {error.remedy}")
        raise


@pytest.fixture
def sets() -> tuple[FileSet, FileSet]:
    """The version that runs, and the next."""
    old = fileset.make(BOARD, cross.compiled)
    return old, replace(old, files={**old.files, "tournee_fw/mark.txt": b"new\n"})


@pytest.fixture
def board(
    bare: Path, sets: tuple[FileSet, FileSet], tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ThreadedBoard]:
    old, new = sets
    begun = {f"{BASE}/b/{name}": content for name, content in new.files.items() if name not in LEFT}
    disk = images.littlefs({**old.laid("a", "Tournee-0001"), **begun}, 4096, 256)
    shutil.copyfile(bare, tmp_path / "firmware.elf")
    (tmp_path / "littlefs.img").write_bytes(disk)
    monkeypatch.setenv(IMAGE_VARIABLE, str(tmp_path / "firmware.elf"))
    with ThreadedBoard(BoardConfig(board="qemu", link="pty", state=tmp_path / "state", keys=keys)) as started:
        yield started


def test_a_running_terminal_on_the_cortex_m3_is_flashed_over_its_link(
    board: ThreadedBoard, sets: tuple[FileSet, FileSet]
) -> None:
    old, new = sets
    port = board.url.removeprefix("serial:")
    assert release.running(port, 20.0) == (old.manifest, "Tournee-0001")
    assert release.released(port)
    line = repl.opened(port)
    plan = install.plan(line, new, port, abi=cross.abi())
    assert (plan.folder, set(plan.write)) == ("b", set(LEFT))
    install.install(line, new, plan, lambda stage, done, of: None, name="Tournee-9999")
    assert install.plan(line, new, port, abi=cross.abi()).up_to_date
    _start(line)
    assert release.running(port, 30.0) == (new.manifest, "Tournee-9999")
    with tournee.open(board.url) as desk:
        assert desk.patient().beneficiaires


def _start(line: repl.Repl) -> None:
    """A soft reset, which leaves the RAM disk; this image knows no main.py of its own, so it is called as the boot would."""
    serial = line._transport.serial
    serial.write(b"\x04")
    said = line._transport.read_until(1, b"raw REPL; CTRL-B to exit\r\n>", timeout=20)
    assert b"soft reboot" in said
    serial.write(b"import ramdisk; ramdisk.mount(); exec(open('main.py').read(), {'__name__': '__main__'})\x04")
    assert serial.read(2) == b"OK"
    line.close()
