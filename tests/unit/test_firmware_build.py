"""`firmware/build.py` short of compiling: the hash of the files, where the source comes from, what it says when something lacks."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from building import FIRMWARE, PACKAGE, BuildError, debian, files, mps2, sources
from tournee.flash import fileset
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


def test_the_manifest_is_the_one_that_a_board_computes(tmp_path: Path) -> None:
    need("micropython")
    package = tmp_path / "tournee_fw"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from tournee_fw import buildinfo; "
    code += f"print(buildinfo.manifest({str(package)!r}))"
    done = subprocess.run([find_micropython(), "-c", code], capture_output=True, text=True, check=True)
    assert fileset.manifest(fileset.installed(package)) == done.stdout.strip()


@pytest.mark.parametrize(
    ("name", "text", "keys"),
    [
        ("sources.list.d/debian.sources", DEB822, "/usr/share/keyrings/debian-archive-keyring.gpg"),
        ("sources.list", ONE_LINE, "/keys.gpg"),
    ],
)
def test_the_mirror_is_the_machines_own(tmp_path: Path, name: str, text: str, keys: str) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / name).write_text(text, "utf-8")
    assert debian.mirror_of(tmp_path, "") == ("http://mirror.example/debian", keys)


def test_a_machine_without_a_mirror_is_told_what_else_there_is(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no Debian archive") as caught:
        debian.mirror_of(tmp_path, "set MICROPYTHON_DIR")
    assert caught.value.remedy == "set MICROPYTHON_DIR"


def test_apt_get_is_told_of_nothing_outside_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(debian, "mirror_of", lambda etc, otherwise: ("http://mirror.example/debian", "/keys.gpg"))
    monkeypatch.setattr(debian.shutil, "which", lambda tool: f"/bin/{tool}")
    monkeypatch.setattr(debian.subprocess, "run", run)
    debian.download("micropython", tmp_path, "")
    assert (tmp_path / "sources.list").read_text("utf-8") == (
        "deb-src [signed-by=/keys.gpg] http://mirror.example/debian trixie main\n"
    )
    assert [call[-1] for call in calls] == ["update", "micropython"]
    for call in calls:
        folders = [option.partition("=")[2] for option in call if option.startswith("-oDir")]
        assert len(folders) == 4
        assert all(Path(folder).is_relative_to(tmp_path) for folder in folders)


def test_a_package_of_sources_is_unpacked_to_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the `.deb` that apt-get has fetched; an empty submodule's folder is taken, a package without the part refused."""

    def apt(kind: str, command: list[str], package: str, folder: Path, otherwise: str) -> None:
        assert (kind, command) == ("deb", ["download", "pico-sdk-source"])
        (folder / "pico-sdk-source_2.1.1-1_all.deb").touch()

    def dpkg(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        (Path(command[-1]) / "usr/src/pico-sdk").mkdir(parents=True)
        (Path(command[-1]) / "usr/src/pico-sdk/pico_sdk_init.cmake").touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(debian, "TOOLS", tmp_path)
    monkeypatch.setattr(debian, "_apt", apt)
    monkeypatch.setattr(debian.subprocess, "run", dpkg)
    target = tmp_path / "lib"
    target.mkdir()
    debian.unpack("pico-sdk-source", Path("usr/src/pico-sdk"), target, "")
    assert [path.name for path in target.iterdir()] == ["pico_sdk_init.cmake"]
    with pytest.raises(BuildError, match="has no usr/src/other"):
        debian.unpack("pico-sdk-source", Path("usr/src/other"), tmp_path / "other", "")


def test_another_archive_than_the_known_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(package: str, folder: Path, otherwise: str) -> None:
        (folder / sources.ORIG).write_bytes(b"something else")

    monkeypatch.setattr(debian, "download", download)
    with pytest.raises(BuildError, match="not the archive"):
        sources.fetch_micropython(tmp_path / "tools" / "tree")
    assert list((tmp_path / "tools").iterdir()) == []


def test_of_mbedtls_the_sources_and_the_licence_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's own version of 3.6, whichever it is today."""

    def download(package: str, folder: Path, otherwise: str) -> None:
        top = folder / "mbedtls-3.6.9"
        for name in ("LICENSE", "include/mbedtls/build_info.h", "library/aes.c", "tests/data.bin"):
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_text(name, "utf-8")
        with tarfile.open(folder / "mbedtls_3.6.9.orig.tar.bz2", "w:bz2") as tar:
            tar.add(top, top.name)

    monkeypatch.setattr(sources, "TOOLS", tmp_path)
    monkeypatch.setattr(debian, "download", download)
    sources.fetch_mbedtls(tmp_path / "mbedtls")
    assert sorted(path.name for path in (tmp_path / "mbedtls").iterdir()) == ["LICENSE", "include", "library"]
    monkeypatch.setattr(debian, "download", lambda package, folder, otherwise: None)
    with pytest.raises(BuildError, match="no longer has mbedtls"):
        sources.fetch_mbedtls(tmp_path / "other")


def test_a_missing_compiler_names_its_packages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mps2.shutil, "which", lambda tool: None if tool.startswith("arm") else f"/bin/{tool}")
    spec = importlib.util.spec_from_file_location(
        "firmware_build", FIRMWARE / "build.py"
    )  # `build` is another one on PyPI
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main(["--board", "MPS2_AN385"]) == 4
    assert "sudo apt install gcc-arm-none-eabi libnewlib-arm-none-eabi" in capsys.readouterr().err


def test_a_folder_that_is_no_micropython_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no MicroPython source") as caught:
        sources.micropython(tmp_path)
    assert "checkout of v1.25.0" in caught.value.remedy


def test_a_checkout_without_mbedtls_is_told_which_submodule(tmp_path: Path) -> None:
    """A user's checkout is not written to."""
    (tmp_path / "ports" / "qemu").mkdir(parents=True)
    (tmp_path / "ports" / "qemu" / "Makefile").touch()
    (tmp_path / "py").mkdir()
    numbers = zip(("MAJOR", "MINOR", "MICRO"), sources.VERSION.split("."), strict=True)
    text = "".join(f"#define MICROPY_VERSION_{part} {number}\n" for part, number in numbers)
    (tmp_path / "py" / "mpconfig.h").write_text(text, "utf-8")
    with pytest.raises(BuildError, match="has no mbedtls") as caught:
        sources.micropython(tmp_path)
    assert caught.value.remedy.endswith("submodule update --init lib/mbedtls")


def test_frozen_are_the_boards_files_and_no_others(tmp_path: Path) -> None:
    files.stage(tmp_path / "frozen", "MPS2_AN385", "00" * 32)
    names = {path.relative_to(tmp_path / "frozen").as_posix() for path in (tmp_path / "frozen").rglob("*.py")}
    assert {"terminal.py", "tournee_fw/app.py", "tournee_fw/hal/mps2.py", "tournee_fw/iso7816/t0.py"} <= names
    assert not {"tournee_fw/hal/unix.py", "tournee_fw/boards/UNIX/main.py", "tournee_fw/link_ble.py"} & names
