"""UF2 files and boot drives: what is copied is whole and for this chip; every drive's trouble has its name."""

from __future__ import annotations

import errno
import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from tournee.cli.flash import command
from tournee.errors import UsageError
from tournee.flash import uf2
from tournee.flash.adapters import board as boards
from tournee.flash.adapters import drives, serialports
from tournee.flash.errors import (
    DriveGone,
    DriveRefused,
    InBootloader,
    NoDrive,
    NoMicroPython,
    NoPort,
    SeveralDrives,
    SeveralPorts,
    Uf2Broken,
    WrongFamily,
)
from tournee.flash.install import Plan
from tournee.flash.ports import About

RP2040, ABSOLUTE, RP2350 = 0xE48BFF56, 0xE48BFF57, 0xE48BFF59


def block(
    number: int = 0, total: int = 1, family: int | None = RP2040, size: int = 256, flags: int = 0, content: bytes = b""
) -> bytes:
    flags |= 0 if family is None else 0x2000
    head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, flags, 0x10000000, size, number, total, family or 0)
    return head + content.ljust(476, b"\0") + struct.pack("<I", 0x0AB16F30)


def image(total: int = 3, family: int | None = RP2040) -> bytes:
    return b"".join(block(n, total, family) for n in range(total))


def test_a_whole_file_tells_its_family_and_size() -> None:
    assert uf2.parse(image()) == uf2.Uf2("RP2040", 3, 768)
    assert uf2.parse(image(family=None)).family == ""


E10 = {
    "with its extension tag": block(0, 2, ABSOLUTE, flags=0x8000, content=b"\xef" * 256 + b"\x04\xe3\x57\x99"),
    "as picotool made it first": block(0, 2, ABSOLUTE, content=b"\xef" * 256),
}


@pytest.mark.parametrize("first", E10.values(), ids=E10)
def test_the_block_that_every_official_image_for_rp2350_begins_with_is_passed_over(first: bytes) -> None:
    """picotool's block against erratum E10: number 0 of 2, and the other never comes."""
    assert uf2.parse(first + image(family=RP2350)) == uf2.Uf2("RP2350", 4, 768)
    with pytest.raises(Uf2Broken, match="no block with content"):
        uf2.parse(first)
    with pytest.raises(Uf2Broken, match=r"2 of 3 blocks of family RP2350, number 2 is missing"):
        uf2.parse(first + image(family=RP2350)[:1024])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "0 bytes"),
        (image()[:-1], "1535 bytes"),
        (image() + bytes(512), "block 3: no UF2 mark"),
        (block(0, 2), "1 of 2 blocks of family RP2040, number 1 is missing"),
        (block(0, 3) + block(1, 3) + block(1, 3), "block 2: number 1 stands twice"),
        (block(0, 2) + block(1, 3), "block 1: 3 blocks in all, the one before said 2"),
        (block(0, 400, None) + block(1, 400, None), "2 of 400 blocks, number 2 is missing"),
        (block(0, 2, ABSOLUTE), r"1 of 2 blocks of family RP2350 \(absolute\)"),
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


def put(*argv: str | Path) -> Result:
    """`tournee flash ARGV` in this process."""
    return CliRunner().invoke(command, list(map(str, argv)), standalone_mode=False)


def test_an_official_image_for_the_pico_2_is_copied(drive: Path, tmp_path: Path) -> None:
    (drive / "INFO_UF2.TXT").write_text("UF2 Bootloader v1.0\nModel: Raspberry Pi RP2350\nBoard-ID: RP2350\n")
    source = tmp_path / "RPI_PICO2_W.uf2"
    source.write_bytes(E10["with its extension tag"] + image(300, RP2350))
    assert put("--uf2", source).return_value == 0
    assert (drive / source.name).read_bytes() == source.read_bytes()


def test_a_dry_run_says_where_the_file_would_go_and_writes_nothing(drive: Path, tmp_path: Path) -> None:
    source = tmp_path / "micropython[1].uf2"
    source.write_bytes(image(3))
    done = put("--uf2", source, "--dry-run")
    assert done.return_value == 0
    assert f"{source.name}  would be copied to {drive}: 1536 bytes of RP2040" in done.output.replace("\n", "")
    assert not (drive / source.name).exists()
    told = json.loads(put("--uf2", source, "--dry-run", "--json").stdout)
    assert (told["dry_run"], told["bytes"], told["drive"]) == (True, 1536, str(drive))


@pytest.mark.parametrize(
    "more",
    [["--port", "x"], ["--all-ports"], ["--erase"], ["--board", "NIX"], ["--name", "x" * 99], ["--labels", "x"]],
    ids=lambda more: more[0],
)
def test_what_does_not_go_with_a_uf2_is_refused(drive: Path, tmp_path: Path, more: list[str]) -> None:
    source = tmp_path / "micropython.uf2"
    source.write_bytes(image())
    refused = put("--uf2", source, *more).exception
    assert isinstance(refused, UsageError) and refused.what == f"{more[0]} does not go with --uf2."
    assert not (drive / source.name).exists()


def test_a_file_for_the_other_chip_is_not_copied(drive: Path, tmp_path: Path) -> None:
    source = tmp_path / "micropython.uf2"
    source.write_bytes(image(family=RP2350))
    with pytest.raises(WrongFamily, match="RP2350"):
        drives.ready(source, None)
    assert not (drive / "micropython.uf2").exists()


def test_no_drive_or_several(drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "micropython.uf2"
    source.write_bytes(image())
    monkeypatch.setattr(drives, "_mounts", lambda: iter([drive, drive]))
    with pytest.raises(SeveralDrives):
        drives.ready(source, None)
    monkeypatch.setattr(drives, "_mounts", lambda: iter([tmp_path]))
    with pytest.raises(NoDrive):
        drives.ready(source, None)


def test_a_drive_may_be_named_as_one_likes(drive: Path, tmp_path: Path) -> None:
    source, link = tmp_path / "micropython.uf2", tmp_path / "link"
    source.write_bytes(image())
    link.symlink_to(drive)
    (tmp_path / "beside").mkdir()
    for named in (drive, link, tmp_path / "beside" / ".." / drive.name):
        assert drives.ready(source, named).drive == drive
    with pytest.raises(NoDrive):
        drives.ready(source, tmp_path)


def test_a_drive_that_goes_away_is_success_only_under_the_last_piece(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "micropython.uf2"
    source.write_bytes(image(300))  # three pieces
    for at, gone in ((1, True), (2, True), (3, False)):
        copy, synced = drives.ready(source, None), iter(range(1, 9))

        def pulled(_file: int, at: int = at, synced: Iterator[int] = synced) -> None:
            if next(synced) == at:
                (drive / "INFO_UF2.TXT").rename(tmp_path / "info")
                raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(drives.os, "fsync", pulled)
        if gone:
            with pytest.raises(DriveGone, match=r"went away after \d+ of 153600 bytes"):
                copy.run(lambda done, of: None)
        else:
            copy.run(lambda done, of: None)
        (tmp_path / "info").rename(drive / "INFO_UF2.TXT")
    copy = drives.ready(source, None)
    shutil.rmtree(drive)
    with pytest.raises(DriveGone, match="after 0 of"):
        copy.run(lambda done, of: None)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "Remove what else lies"), (errno.EROFS, "read-only"), (errno.EIO, "holding BOOTSEL")],
)
def test_a_drive_that_refuses_says_why_and_keeps_no_half_of_the_file(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    source = tmp_path / "micropython.uf2"
    source.write_bytes(image(300))

    def refuses(_file: int) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(drives.os, "fsync", refuses)
    refused = put("--uf2", source).exception
    assert isinstance(refused, DriveRefused) and remedy in refused.remedy
    assert [path.name for path in drive.iterdir()] == ["INFO_UF2.TXT"]


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
        (["--name", "x" * 30], "at most 29 bytes"),
        (["--name", "Cabinet du Dr Hélène Lefèvre !"], "at most 29 bytes"),  # 30 characters, 32 bytes
        (["--name", "\udcff"], "at most 29 bytes, all printable"),
        (["--name", "a\nb"], "all printable"),
        (["--name", "  "], "of blanks"),
        (["--board", "NIX"], "no board NIX"),
    ],
)
def test_options_that_contradict_each_other(argv: list[str], said: str) -> None:
    from tournee.cli.errors import run_guarded

    assert run_guarded(command, argv) == 2
    with pytest.raises(Exception, match=said):
        command.main(argv, standalone_mode=False)


def test_labels_that_cannot_be_written_stop_before_the_first_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "flash", lambda port, **options: pytest.fail("a board was touched"))
    refused = put("--port", "/dev/ttyACM7", "--labels", tmp_path / "none" / "labels.jsonl").exception
    assert isinstance(refused, UsageError) and "labels.jsonl cannot be written: No such file" in refused.what


def test_a_failed_board_has_its_label_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone or among others; the others are flashed also when the file of labels takes no more."""

    def fails(port: serialports.Port, **options: object) -> boards.Done:
        raise NoMicroPython(port.device)

    labels = tmp_path / "labels.jsonl"
    monkeypatch.setattr(boards, "flash", fails)
    assert isinstance(put("--port", "/dev/ttyACM7", "--labels", labels).exception, NoMicroPython)
    told = json.loads(labels.read_text("utf-8"))
    assert (told["port"], told["ok"], told["code"]) == ("/dev/ttyACM7", False, "no-micropython") and told["at"]
    monkeypatch.setattr(serialports, "found", lambda: [serialports.Port(f"/dev/tty[{n}]", "") for n in range(3)])
    done = put("--all-ports", "--labels", labels)
    assert done.return_value == 4
    lines = done.stderr.splitlines()
    assert [line.split("  ")[:2] for line in lines] == [["FAILED", f"/dev/tty[{n}]"] for n in range(3)]
    assert len(labels.read_text("utf-8").splitlines()) == 4
    full = put("--all-ports", "--labels", "/dev/full")
    assert isinstance(full.exception, UsageError) and "No space left" in full.exception.what
    assert len(full.stderr.splitlines()) == 3


def test_a_name_in_brackets_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(About("m", "1.25.0", 6, "ab", 0), "a", ("[b].mpy",), (), (), 0, False)
    for name in ("Cabinet [/A]", "[red]x[/red]", "[1\\"):
        done = boards.Done("/dev/x", "UNIX", "ab", name, "1", "0" * 64, "1.25.0", 1, False, 1.0, plan)
        monkeypatch.setattr(boards, "flash", lambda port, done=done, **options: done)
        shown = put("--port", "/dev/x", "--name", name)
        assert shown.return_value == 0 and f"  {name}  ab" in shown.output
        assert "[b].mpy" in put("--port", "/dev/x", "--dry-run").output
