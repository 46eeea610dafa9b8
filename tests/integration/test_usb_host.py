"""The terminal's USB at a real USB host: Linux's own xhci_hcd, usbcore and cdc_acm, in a virtual machine (`tests/tools/linuxguest.py`).

The board is `stock` with `link="usb"`: real MicroPython, the firmware's real `hal/cdc`, and `machine.USBDevice` with TinyUSB's part
stood in for (`tournee_sim.usb`). What runs in the virtual machine is this machine's own `tournee` and pyserial.
"""

from __future__ import annotations

import json
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.tools.linuxguest import Guest
from tournee.flash import fileset
from tournee.flash.adapters import cross
from tournee_sim.boards.process import find_firmware
from tournee_sim.boards.thread import ThreadedBoard
from tournee_sim.boards.unix import BoardConfig
from tournee_sim.pytest_plugin import need

COMPLAINT = re.compile(
    r"(?im)^.*\b(?:usb \d|cdc_acm|xhci).*\b(?:error|fail|invalid|bad|not accepting|unable|zero length|missing|no suitable|can't|"
    r"different from|duplicate|skipping|has no|wrong).*$"
)
READY = r"ttyACM1: USB ACM device"
GUEST = Path(__file__).parents[1] / "tools" / "usb_echo_host.py"
ECHO = Path(__file__).parents[1] / "tools" / "usb_echo_board.py"


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    need("usbhost")
    need("micropython")
    folder = tmp_path_factory.mktemp("guest")
    with Guest(folder, folder / "cable") as machine:
        yield machine


class Plugged:
    """A board on the cable."""

    def __init__(self, guest: Guest, board: ThreadedBoard, since: int) -> None:
        self.guest, self.board, self.since = guest, board, since

    def cli(self, *argv: str) -> tuple[int, str]:
        return self.guest.run(sys.executable, "-m", "tournee.cli", *argv, timeout_s=120)

    def complaints(self) -> list[str]:
        return COMPLAINT.findall(self.guest.said(self.since))

    def sysfs(self, *names: str) -> list[str]:
        """Files below the device's folder."""
        code, said = self.guest.shell("$b cat " + " ".join(f"/sys/bus/usb/devices/1-1{name}" for name in names))
        assert code == 0, said
        return said.splitlines()


def join(guest: Guest, board: ThreadedBoard) -> int:
    """Put the cable in; the place in the kernel's log from which on it is about the board. Raises TimeoutError."""
    since = guest.mark()
    guest.cable.unlink(missing_ok=True)
    guest.cable.symlink_to(board.url.removeprefix("usbredir:"))
    guest.wait_said(r"ttyACM0: USB ACM device", since, timeout_s=30)
    return since


@pytest.fixture
def plug(guest: Guest, tmp_path: Path, keys: Path) -> Iterator[Callable[..., Plugged]]:
    """Once in some thirty runs the virtual machine saw no board (perhaps one without heap); it is started anew, once, and that is said."""
    boards: list[ThreadedBoard] = []

    def put(**files: bytes) -> Plugged:
        """`files`: what lies in the board's file system."""
        for name, content in files.items():
            path = tmp_path / "flash" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        board = ThreadedBoard(BoardConfig(board="stock", link="usb", state=tmp_path, keys=keys, auto_pin=True))
        boards.append(board)
        try:
            return Plugged(guest, board, join(guest, board))
        except TimeoutError as silent:
            warnings.warn(
                f"the virtual machine took no notice of the board and was started anew: {silent}", stacklevel=2
            )
            guest.cable.unlink()
            guest.restart()
            return Plugged(guest, board, join(guest, board))

    yield put
    since = guest.mark()
    for board in boards:
        board.stop()
    if boards:
        guest.wait_said("USB disconnect", since)


def echo(plant: str = "pass") -> bytes:
    """`main.py` of a board that echoes; `plant` spoils it, with the module `cdc` at hand."""
    head = f"FIRMWARE = {str(find_firmware().parent)!r}\ndef PLANT(cdc):\n    {plant}\n"
    return head.encode() + ECHO.read_bytes()


def look(it: Plugged, *looks: str) -> Any:
    code, said = it.guest.run(sys.executable, GUEST, *looks)
    assert code == 0, said
    return json.loads(said)


def packet(it: Plugged) -> int:
    """How many bytes of a full packet come back within two seconds."""
    within = f"$b stty raw -echo min 0 time 20 <&3; echo {'x' * 63} >&3; $b head -c 64 <&3 | $b wc -c"
    code, said = it.guest.shell(f"{{ {within}; }} 3<>/dev/ttyACM1 2>/dev/null")
    assert code == 0, said
    return int(said)


@pytest.mark.timeout(300)
def test_a_terminal_of_two_ports_reads_a_card_and_is_flashed(plug: Callable[..., Plugged]) -> None:
    """No port is named. An older version runs; flashing asks it for the REPL on its own port, and finds the new one there again."""
    made = fileset.make("UNIX", cross.compiled)
    empty = os.environ.get("TOURNEE_SOAK") == "1"
    older = replace(made, files={**made.files, "tournee_fw/older.txt": b"1"})
    it = plug(**({} if empty else older.laid(name="Tournee-9000")))
    if empty:
        code, said = it.cli("flash", "--json", "--name", "Tournee-9000")
        assert code == 0, said
    else:
        it.guest.wait_said(READY, it.since)
    code, said = it.cli("read", "vitale", "--json")
    assert code == 0, said
    assert json.loads(said[said.index("{") :])["carte"] == "vitale"
    if empty:
        code, said = it.cli("flash", "--port", "/dev/ttyACM1", "--json")
        assert code == 4 and "in use" in said
    it.board.pull(0)
    it.board.pull(1)  # no card is powered any more
    code, said = it.cli("flash", "--json")
    assert code == 0, said
    (row,) = json.loads(said)["boards"]
    assert (row["port"], row["name"], row["manifest"]) == ("/dev/ttyACM0", "Tournee-9000", made.manifest)
    assert row["up_to_date"] is empty
    assert it.complaints() == []


@pytest.mark.timeout(300)
def test_the_kernel_finds_two_ports_and_carries_every_byte(plug: Callable[..., Plugged]) -> None:
    it = plug(**{"main.py": echo()})
    it.guest.wait_said(READY, it.since)
    assert it.sysfs("/idVendor", "/idProduct", "/bNumInterfaces", "/bDeviceClass", "/serial") == [
        *("2e8a", "0005", " 4", "ef"),
        it.board.board.usb.device.serial,  # type: ignore[union-attr]
    ]
    assert it.sysfs(":1.0/interface", ":1.2/interface") == ["Board CDC", "Tournee"]
    assert it.sysfs(":1.2/bInterfaceClass", ":1.3/bInterfaceClass", ":1.2/iad_bInterfaceCount") == ["02", "0a", "02"]
    assert it.sysfs(":1.3/ep_04/wMaxPacketSize", ":1.3/ep_84/type", ":1.2/ep_83/type") == ["0040", "Bulk", "Interrupt"]
    assert look(it, "lines", "values", "much") == {
        "values": {"alone": True, "whole": True, "lengths": []},
        "much": {"back": True, "slowly": True},
        "lines": ["opened", "closed 115200", "opened", "closed 57600"],
    }
    assert it.board.board.usb.cable.refused == []  # type: ignore[union-attr]
    assert it.complaints() == []


@pytest.mark.timeout(300)
def test_a_cable_pulled_and_put_back_and_a_board_that_starts_again(plug: Callable[..., Plugged]) -> None:
    it = plug(**{"main.py": echo()})
    it.guest.wait_said(READY, it.since)
    since = it.guest.mark()
    it.board.unplug()
    it.guest.wait_said("USB disconnect", since)
    it.board.plug()
    it.guest.wait_said(READY, since)
    assert packet(it) == 64
    since = it.guest.mark()
    it.board.kill()  # the power goes, and with it our port
    it.board.restart()
    it.guest.wait_said(READY, since)
    assert packet(it) == 64
    assert it.complaints() == []


@pytest.mark.timeout(300)
def test_a_port_that_ends_no_transfer_is_noticed(plug: Callable[..., Plugged]) -> None:
    """The host asks for two packets at once: without an empty one after it, it keeps a full packet to itself."""
    swallow = "give = cdc.CdcLink._submit; cdc.CdcLink._submit = lambda link, ep, data: len(data) == 0 or give(link, ep, data)"
    it = plug(**{"main.py": echo(swallow)})
    it.guest.wait_said(READY, it.since)
    assert packet(it) == 0


@pytest.mark.timeout(300)
def test_a_wrong_descriptor_is_noticed(plug: Callable[..., Plugged]) -> None:
    """One interface number is given twice."""
    twice = "make = cdc.function; cdc.function = lambda itf, ep, text: make(itf, ep, text).replace(bytes((9, 4, itf + 1)), bytes((9, 4, itf)))"
    it = plug(**{"main.py": echo(twice)})
    it.guest.wait_said("Duplicate descriptor", it.since)
    assert any("different from" in line for line in it.complaints())
