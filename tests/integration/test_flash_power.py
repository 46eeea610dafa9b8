"""H10: the power goes after each write of the flash; the board has the old version, the new one or the REPL, and flashing goes on."""

from __future__ import annotations

import bisect
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from littlefs import LittleFS
from littlefs.errors import LittleFSError

from tests.tools import recorded_flash
from tests.tools.recorded_flash import BLOCK, BLOCKS, Op, board, cut
from tournee.flash import fileset, install
from tournee.flash.adapters import cross, images
from tournee.flash.errors import NoRoom
from tournee.flash.fileset import BASE, CURRENT, FileSet
from tournee_sim.pytest_plugin import need


@dataclass(frozen=True)
class Story:
    """A board with the old version takes the new one. `decides`: how many writes it takes until the new one is named."""

    old: FileSet
    new: FileSet
    image: bytes
    ops: list[Op]
    decides: int = 0


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    need("micropython")
    old = fileset.make("UNIX", cross.compiled)
    new = replace(
        old, files={**old.files, "tournee_fw/mark.txt": b"new\n"}, root={"main.py": old.root["main.py"] + b"# new\n"}
    )
    image = images.littlefs(old.laid("a", "Tournee-9999"), BLOCK, BLOCKS)
    with board(image, tmp_path_factory.mktemp("power")) as (line, recording):
        plan = install.plan(line, new, "the port", abi=cross.abi())
        assert plan.folder == "b" and len(plan.write) == len(new.files)
        install.install(line, new, plan, lambda stage, done, of: None)
        ops = recording.ops
    story = Story(old, new, image, ops)
    writes = range(len(ops) + 1)
    decides = bisect.bisect_left(
        writes, True, key=lambda n: _what_starts(story, bytearray(cut(image, ops[:n])), whole=False) == "new"
    )
    return replace(story, decides=decides)


def _mounted(image: bytearray) -> LittleFS:
    """Reading changes nothing of `image`."""
    fs = LittleFS(block_size=BLOCK, block_count=BLOCKS, read_size=32, prog_size=32, lookahead_size=32, mount=False)
    fs.context.buffer = image
    fs.mount()
    return fs


def _read(fs: LittleFS, name: str) -> bytes | None:
    try:
        with fs.open(name, "rb") as file:
            return bytes(file.read())
    except (LittleFSError, FileNotFoundError):
        return None


def _has(fs: LittleFS, folder: str, wanted: FileSet) -> bool:
    return all(_read(fs, f"{BASE}/{folder}/{name}") == content for name, content in wanted.files.items())


def _what_starts(story: Story, image: bytearray, *, whole: bool = True) -> str:
    """`old` or `new`: a version is named, which is `whole`, and a whole main.py starts it; else what is wrong."""
    fs = _mounted(image)
    if _read(fs, "main.py") not in (story.old.root["main.py"], story.new.root["main.py"]):
        return "main.py is broken"
    current = _read(fs, CURRENT)
    for name, wanted, folder in (("old", story.old, "a"), ("new", story.new, "b")):
        if current == wanted.current(folder):
            return name if not whole or _has(fs, folder, wanted) else f"{name} is named and not whole"
    return f"current says {current!r}"


def test_after_each_write_a_whole_version_is_named(story: Story) -> None:
    """Every file of it is read at every 20th write, and at each of those around the deciding one."""
    flash, told = bytearray(story.image), []
    for n, op in enumerate(story.ops, 1):
        whole = n % 20 == 0 or abs(n - story.decides) < 8
        for size in (len(op.data) // 2, len(op.data)):  # torn, then done
            flash[op.at : op.at + size] = op.data[:size]
            told.append(_what_starts(story, flash, whole=whole))
    assert len(story.ops) > 100
    assert set(told) == {"old", "new"}
    assert told == sorted(told, reverse=True), "once new, it stays new"
    assert told[-1] == "new" and told[0] == "old"


def test_real_micropython_starts_what_is_named(story: Story, tmp_path: Path) -> None:
    """In the middle, and around the write that decides."""
    for n in (len(story.ops) // 2, story.decides - 1, story.decides):
        said = recorded_flash.start(cut(story.image, story.ops[:n]), tmp_path)
        assert f"tournee: version {'b' if n >= story.decides else 'a'} has ended" in said, (
            n,
            said,
        )  # this board has no slots
        assert "missing slot0" in said, (n, said)


@pytest.mark.parametrize("part", [0.02, 0.6, 0.99])
def test_the_next_run_goes_on_with_what_was_written(story: Story, part: float, tmp_path: Path) -> None:
    stopped = cut(story.image, story.ops[: int(len(story.ops) * part)], torn=True)
    with board(stopped, tmp_path) as (line, recording):
        plan = install.plan(line, story.new, "the port", abi=cross.abi())
        left = sum(len(story.new.files[name]) for name in plan.write)
        install.install(line, story.new, plan, lambda stage, done, of: None)
        assert install.plan(line, story.new, "the port", abi=cross.abi()).up_to_date
        done = cut(stopped, recording.ops)
    assert _what_starts(story, bytearray(done)) == "new"
    assert left <= story.new.size * (1 - part) + 8192, "what was whole is not sent again"


def test_an_empty_board_cut_at_each_write_is_left_to_the_repl_or_whole(tmp_path: Path) -> None:
    need("micropython")
    new = fileset.make("UNIX", cross.compiled)
    image = images.littlefs({}, BLOCK, BLOCKS)
    with board(image, tmp_path) as (line, recording):
        plan = install.plan(line, new, "the port", abi=cross.abi())
        install.install(line, new, plan, lambda stage, done, of: None, name="Tournee-9999")
        ops = recording.ops
    flash, seen = bytearray(image), set()
    for op in ops:
        flash[op.at : op.at + len(op.data)] = op.data
        fs = _mounted(flash)
        main, current = _read(fs, "main.py"), _read(fs, CURRENT)
        assert main in (None, new.root["main.py"]), "half a main.py would not even say so"
        assert current in (None, new.current("a"))
        if current is not None and (True, True) not in seen:
            assert main is not None and _has(fs, "a", new)
        seen.add((main is not None, current is not None))
    assert seen == {(False, False), (True, False), (True, True)}
    digest = hashlib.sha256(bytes(flash)).hexdigest()
    assert digest == hashlib.sha256(cut(image, ops)).hexdigest()


def test_a_board_without_room_says_how_much_is_left_and_keeps_its_version(story: Story, tmp_path: Path) -> None:
    full = images.littlefs({**story.old.laid("a"), "mine.bin": bytes(230_000)}, BLOCK, BLOCKS)
    with board(full, tmp_path) as (line, recording):
        plan = install.plan(line, story.new, "the port", abi=cross.abi())
        with pytest.raises(NoRoom) as told:
            install.install(line, story.new, plan, lambda stage, done, of: None)
        assert "--erase" in told.value.remedy
        assert _what_starts(story, bytearray(cut(full, recording.ops))) == "old"
