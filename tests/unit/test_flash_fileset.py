"""The files of a board: only what it runs, the same bytes twice, and images that real MicroPython mounts and runs from."""

from __future__ import annotations

import ast
import errno
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from building import filesets
from tournee.flash import fileset
from tournee.flash.adapters import cross, images
from tournee.flash.errors import BoardUnknown, NoRoom, SourceBroken
from tournee_sim.boards.process import find_micropython
from tournee_sim.pytest_plugin import need

MOUNT = """
import os, sys, vfs
class Image:
    def __init__(self, data): self.data, self.size = bytearray(data), {block}
    def readblocks(self, n, buf, off=0):
        at = n * self.size + off
        buf[:] = self.data[at : at + len(buf)]
    def writeblocks(self, n, buf, off=None):
        at = n * self.size + (off or 0)
        self.data[at : at + len(buf)] = buf
    def ioctl(self, op, arg):
        return {{4: len(self.data) // self.size, 5: self.size, 6: 0}}.get(op)
image = open({path!r}, "rb").read()
vfs.mount({mount}, "/board")
os.chdir("/board")
sys.path.insert(0, {on_path!r})
from tournee_fw import buildinfo, VERSION
print(buildinfo.manifest({on_path!r} + "/tournee_fw"), VERSION)
"""


@pytest.fixture(scope="module")
def unix() -> fileset.FileSet:
    return fileset.make("UNIX", cross.compiled)


def test_a_board_gets_its_own_hal_and_folder_and_no_other(unix: fileset.FileSet) -> None:
    names = {name.removeprefix("tournee_fw/") for name in unix.files}
    assert {"app.mpy", "hal/unix.mpy", "boards/UNIX/main.mpy", "iso7816/t0.mpy", "manifest.json"} <= names
    assert not [n for n in names if n.startswith(("hal/mps2", "boards/MPS2", "root/")) or n.endswith(".py")]
    assert set(unix.root) == {"main.py"}


def test_the_index_tells_size_and_hash_of_every_file(unix: fileset.FileSet) -> None:
    index = json.loads(unix.files[fileset.INDEX])
    assert index["manifest"] == unix.manifest and index["board"] == "UNIX"
    code = {n: c for n, c in unix.files.items() if n != fileset.INDEX}
    assert index["files"] == {n: [len(c), hashlib.sha256(c).hexdigest()] for n, c in code.items()}


@pytest.mark.parametrize("board", fileset.boards())
def test_a_board_gets_all_that_its_files_import(board: str) -> None:
    sources = fileset.sources(board)
    there = {name.removesuffix(".py").removesuffix("/__init__") for name in sources} | {"__init__"}
    missing = [f"{name}: {m}" for name, text in sources.items() for m in _imported(name, text) if m not in there]
    assert missing == []


def _imported(name: str, text: bytes) -> Iterator[str]:
    """Modules of tournee_fw that a file imports at its top, as paths below it."""
    here = name.split("/")[:-1]
    for node in ast.parse(text).body:
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            base = here[: len(here) - node.level + 1]
        elif node.module and node.module.startswith("tournee_fw"):
            base = []
        else:
            continue
        path = base + [p for p in (node.module or "").split(".") if p not in ("", "tournee_fw")]
        if (fileset.PACKAGE / "/".join(path)).is_dir():
            modules = [[*path, alias.name] for alias in node.names]
            yield from ("/".join(m) for m in modules if (fileset.PACKAGE / ("/".join(m) + ".py")).exists())
        else:
            yield "/".join(path)


@pytest.mark.parametrize("board", fileset.boards("files"))
def test_two_builds_give_the_same_bytes(board: str, tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    for out in (first, second):
        out.mkdir()
        assert filesets.build(board, out)["manifest"]
    files = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(second) for p in second.rglob("*") if p.is_file())
    assert Path("files/main.py") in files and Path("littlefs.img") in files
    assert [n for n in files if (first / n).read_bytes() != (second / n).read_bytes()] == []


def test_build_py_says_what_it_made(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(root / "firmware/build.py"), "--board", "UNIX", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    facts = json.loads((tmp_path / "build.json").read_text())
    assert facts["manifest"] in done.stdout
    assert hashlib.sha256((tmp_path / "littlefs.img").read_bytes()).hexdigest() == facts["littlefs.img"]


def build(root: Path, out: Path) -> tuple[int, str]:
    """Code and what `firmware/build.py` says of its failure."""
    command = [sys.executable, str(root / "firmware/build.py"), "--board", "UNIX", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_build_py_leaves_alone_what_it_has_not_made(root: Path, tmp_path: Path) -> None:
    mine = tmp_path / "files" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    code, said = build(root, tmp_path)
    assert code == 4 and f"{mine.parent} is not of an earlier build\n→ move it away" in said
    assert mine.read_text() == "mine" and [p.name for p in tmp_path.iterdir()] == ["files"]
    (tmp_path / "build.json").touch()
    assert build(root, tmp_path) == (0, "") and not mine.exists()


def test_build_py_says_why_a_folder_does_not_take_its_files(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "files").touch()
    for out, said in (
        (file, f"build.py: {file}: File exists\n→ give a folder"),
        (file / "below", f"build.py: {file}/below: Not a directory\n→ give a folder"),
        (Path("/proc/none"), "build.py: /proc/none: No such file or directory\n→ give a folder"),
        (tmp_path / "out", f"build.py: {tmp_path}/out/files is not of an earlier build\n→ move it away"),
    ):
        code, told = build(root, out)
        assert code == 4 and told.startswith(said), told


def test_a_build_broken_off_by_a_full_disk_can_be_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space"):
            filesets.build("UNIX", tmp_path)
    assert filesets.build("UNIX", tmp_path)["manifest"]


def _mounted(path: Path, mount: str, on_path: str, block: int = 4096) -> str:
    code = MOUNT.format(path=str(path), mount=mount, on_path=on_path, block=block)
    done = subprocess.run(
        [find_micropython(), "-X", "heapsize=4M", "-c", code], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr + done.stdout
    return done.stdout.strip()


def test_micropython_runs_from_the_littlefs_image(unix: fileset.FileSet, tmp_path: Path) -> None:
    need("micropython")
    path = tmp_path / "littlefs.img"
    path.write_bytes(images.littlefs(unix.laid("b"), 4096, 128))
    assert _mounted(path, "vfs.VfsLfs2(Image(image))", "tournee/b") == f"{unix.manifest} {unix.version}"


def test_micropython_runs_from_the_romfs_image(unix: fileset.FileSet, tmp_path: Path) -> None:
    need("micropython")
    path = tmp_path / "romfs.img"
    path.write_bytes(images.romfs({n: c for n, c in unix.files.items() if n != fileset.INDEX}))
    assert _mounted(path, "vfs.VfsRom(image)", "lib") == f"{unix.manifest} {unix.version}"


@pytest.mark.parametrize("board", fileset.boards("files"))
def test_two_versions_fit_on_the_board(board: str) -> None:
    """Littlefs gives each file whole blocks, and each folder two."""
    made, settings = fileset.make(board, cross.compiled), fileset.settings_of(board)
    second = {f"{fileset.BASE}/b/{name}": content for name, content in made.files.items()}
    images.littlefs({**made.laid("a", "Tournee-9999"), **second}, settings["block_bytes"], settings["blocks"])


def test_an_image_too_small_says_how_much_is_needed(unix: fileset.FileSet) -> None:
    with pytest.raises(NoRoom, match="40960 bytes free"):
        images.littlefs(unix.laid(), 4096, 10)


def test_a_source_that_does_not_compile_is_named() -> None:
    with pytest.raises(SourceBroken, match=r"app\.py does not compile: SyntaxError"):
        cross.compiled("app.py", b"def broken(:\n")


def test_an_unknown_board_is_told_with_those_there_are() -> None:
    with pytest.raises(BoardUnknown, match="no board ATARI") as told:
        fileset.make("ATARI", cross.compiled)
    assert "UNIX" in told.value.remedy
