"""UF2 files and boot drives: what is copied is whole and for this chip; every drive's trouble has its name."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tournee.cli.flash import command
from tournee.flash import uf2
from tournee.flash.adapters import drives, serialports
from tournee.flash.errors import InBootloader, NoDrive, NoPort, SeveralDrives, SeveralPorts, Uf2Broken, WrongFamily

RP2040, RP2350 = 0xE48BFF56, 0xE48BFF59


def block(
    number: int = 0, total: int = 1, family: int | None = RP2040, size: int = 256, address: int = 0x10000000
) -> bytes:
    flags = 0 if family is None else 0x2000
    head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, flags, address, size, number, total, family or 0)
    return head + bytes(476) + struct.pack("<I", 0x0AB16F30)


def image(total: int = 3, family: int | None = RP2040) -> bytes:
    return b"".join(block(n, total, family) for n in range(total))


def test_a_whole_file_tells_its_family_and_size() -> None:
    assert uf2.parse(image()) == uf2.Uf2("RP2040", 3, 768)
    assert uf2.parse(image(family=None)).family == ""


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "0 bytes"),
        (image()[:-1], "1535 bytes"),
        (image() + bytes(512), "block 3: no UF2 mark"),
        (block(0, 2), "1 of 2 blocks"),
        (block(5, 3), "block 0: number 5 of 3"),
        (block(size=477), "477 bytes"),
        (block(family=0x12345678), "family 12345678"),
    ],
)
def test_a_broken_file_names_its_block(data: bytes, why: str) -> None:
    with pytest.raises(Uf2Broken, match=why):
        uf2.parse(data)


@given(st.binary(max_size=2048))
def test_any_bytes_are_a_uf2_or_said_not_to_be(data: bytes) -> None:
    try:
        assert uf2.parse(data).blocks == len(data) // 512
    except Uf2Broken:
        pass


@given(st.integers(0, 1535), st.integers(1, 255))
def test_a_damaged_file_never_passes_for_more_than_it_is(at: int, change: int) -> None:
    data = bytearray(image())
    data[at] ^= change
    try:
        assert uf2.parse(bytes(data)).blocks == 3
    except Uf2Broken:
        pass


@pytest.fixture
def drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "RPI-RP2"
    folder.mkdir()
    (folder / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n")
    monkeypatch.setattr(drives, "_mounts", lambda: iter([tmp_path, folder]))
    return folder


def test_micropython_is_copied_to_the_one_boot_drive(drive: Path, tmp_path: Path) -> None:
    source = tmp_path / "micropython.uf2"
    source.write_bytes(image(300))
    done = CliRunner().invoke(command, ["--uf2", str(source)], standalone_mode=False)
    assert done.return_value == 0 and "then: tournee flash" in done.output
    assert (drive / "micropython.uf2").read_bytes() == image(300)


def test_a_file_for_the_other_chip_is_not_copied(drive: Path, tmp_path: Path) -> None:
    source = tmp_path / "micropython.uf2"
    source.write_bytes(image(family=RP2350))
    with pytest.raises(WrongFamily, match="RP2350"):
        drives.copy(source, None, lambda done, of: None)
    assert not (drive / "micropython.uf2").exists()


def test_no_drive_or_several(drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "micropython.uf2"
    source.write_bytes(image())
    monkeypatch.setattr(drives, "_mounts", lambda: iter([drive, drive]))
    with pytest.raises(SeveralDrives):
        drives.copy(source, None, lambda done, of: None)
    monkeypatch.setattr(drives, "_mounts", lambda: iter([tmp_path]))
    with pytest.raises(NoDrive):
        drives.copy(source, None, lambda done, of: None)


def test_auto_finds_the_only_board_or_says_what_there_is(drive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from serial.tools import list_ports

    class Usb:
        def __init__(self, device: str, product: int) -> None:
            self.device, self.vid, self.pid, self.serial_number = device, 0x2E8A, product, device[-1]
            self.description = "n/a"

    there: list[Usb] = []
    monkeypatch.setattr(list_ports, "comports", lambda: there)
    with pytest.raises(InBootloader):
        serialports.the_one()
    monkeypatch.setattr(drives, "_mounts", lambda: iter([]))
    with pytest.raises(NoPort):
        serialports.the_one()
    there += [Usb("/dev/ttyACM0", 5), Usb("/dev/ttyUSB3", 99)]
    assert serialports.the_one().device == "/dev/ttyACM0"
    there.append(Usb("/dev/ttyACM1", 5))
    with pytest.raises(SeveralPorts, match="ttyACM0, /dev/ttyACM1"):
        serialports.the_one()
    there[0].device = "/dev/ttyACM9"  # the same board after its reset
    assert serialports.again(serialports.Port("/dev/ttyACM0", "0")) == serialports.Port("/dev/ttyACM9", "0")
    del there[0]
    assert serialports.again(serialports.Port("/dev/ttyACM0", "0")) is None


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--drive", "x"], "--drive goes with --uf2"),
        (["--all-ports", "--port", "/dev/ttyACM0"], "exclude each other"),
        (["--name", "x" * 33], "at most 32"),
    ],
)
def test_options_that_contradict_each_other(argv: list[str], said: str) -> None:
    from tournee.cli.errors import run_guarded

    assert run_guarded(command, argv) == 2
    with pytest.raises(Exception, match=said):
        command.main(argv, standalone_mode=False)
