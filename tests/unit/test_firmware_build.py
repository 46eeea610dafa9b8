"""`firmware/build.py` short of compiling: the hash of the files, where the source comes from, what it says when something lacks."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.tools.qemu import builder
from tournee_sim.boards.process import find_micropython
from tournee_sim.pytest_plugin import need

DEB822 = """Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
# http://elsewhere.example/debian
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
ONE_LINE = """# deb http://commented.example/debian bookworm main
deb http://mirror.example/debian-security bookworm-security main
deb [arch=amd64 signed-by=/keys.gpg] http://mirror.example/debian bookworm main
"""


@pytest.fixture
def build() -> ModuleType:
    return builder()


@pytest.fixture
def etc(build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for /etc/apt."""
    (tmp_path / "sources.list.d").mkdir()

    def path(*parts: str) -> Path:
        return tmp_path if parts == ("/etc/apt",) else Path(*parts)

    monkeypatch.setattr(build, "Path", path)
    return tmp_path


def test_the_manifest_is_the_one_that_a_board_computes(build: ModuleType, tmp_path: Path) -> None:
    need("micropython")
    package = tmp_path / "tournee_fw"
    shutil.copytree(build.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from tournee_fw import buildinfo; "
    code += f"print(buildinfo.manifest({str(package)!r}))"
    done = subprocess.run([find_micropython(), "-c", code], capture_output=True, text=True, check=True)
    assert build.manifest(package) == done.stdout.strip()


@pytest.mark.parametrize(
    ("name", "text", "keys"),
    [
        ("sources.list.d/debian.sources", DEB822, "/usr/share/keyrings/debian-archive-keyring.gpg"),
        ("sources.list", ONE_LINE, "/keys.gpg"),
    ],
)
def test_the_mirror_is_the_machines_own(build: ModuleType, etc: Path, name: str, text: str, keys: str) -> None:
    (etc / name).write_text(text, "utf-8")
    assert build.debian_mirror() == ("http://mirror.example/debian", keys)


def test_a_machine_without_a_mirror_is_told_of_the_variable(build: ModuleType, etc: Path) -> None:
    with pytest.raises(build.BuildError, match="no Debian archive") as caught:
        build.debian_mirror()
    assert "MICROPYTHON_DIR" in caught.value.remedy


def test_apt_get_is_told_of_nothing_outside_its_folder(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        if "source" in command:
            (tmp_path / build.ORIG).write_bytes(b"archive")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(build, "debian_mirror", lambda: ("http://mirror.example/debian", "/keys.gpg"))
    monkeypatch.setattr(build.subprocess, "run", run)
    assert build.download(tmp_path) == tmp_path / build.ORIG
    assert (tmp_path / "sources.list").read_text("utf-8") == (
        "deb-src [signed-by=/keys.gpg] http://mirror.example/debian trixie main\n"
    )
    assert [call[-1] for call in calls] == ["update", "micropython"]
    for call in calls:
        folders = [option.partition("=")[2] for option in call if option.startswith("-oDir")]
        assert len(folders) == 4
        assert all(Path(folder).is_relative_to(tmp_path) for folder in folders)


def test_another_archive_than_the_known_one_is_refused(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(b"something else")
    assert hashlib.sha256(archive.read_bytes()).hexdigest() != build.ORIG_SHA256
    monkeypatch.setattr(build, "download", lambda folder: archive)
    with pytest.raises(build.BuildError, match="not the archive"):
        build.fetch(tmp_path / "tools" / "tree")
    assert list((tmp_path / "tools").iterdir()) == []


def test_a_missing_compiler_names_its_packages(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build.shutil, "which", lambda tool: None if tool.startswith("arm") else f"/bin/{tool}")
    assert build.main(["--board", "MPS2_AN385"]) == 4
    assert "sudo apt install gcc-arm-none-eabi libnewlib-arm-none-eabi" in capsys.readouterr().err


def test_a_folder_that_is_no_micropython_is_named(build: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(build.BuildError, match="no MicroPython source") as caught:
        build.micropython(tmp_path)
    assert "checkout of v1.25.0" in caught.value.remedy


def test_frozen_are_the_boards_files_and_no_others(build: ModuleType, tmp_path: Path) -> None:
    settings = build.tomllib.loads((build.PACKAGE / "boards/MPS2_AN385/board.toml").read_text("utf-8"))
    build.stage(tmp_path / "frozen", "MPS2_AN385", settings, "00" * 32)
    names = {path.relative_to(tmp_path / "frozen").as_posix() for path in (tmp_path / "frozen").rglob("*.py")}
    assert {"terminal.py", "tournee_fw/app.py", "tournee_fw/hal/mps2.py", "tournee_fw/iso7816/t0.py"} <= names
    assert not {"tournee_fw/hal/unix.py", "tournee_fw/boards/UNIX/main.py", "tournee_fw/link_ble.py"} & names
