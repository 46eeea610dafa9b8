"""File system images of a file set: littlefs as MicroPython formats it, and ROMFS. The same set gives the same bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from tournee.flash.adapters import remote
from tournee.flash.errors import NoRoom, ToolMissing


def littlefs(files: Mapping[str, bytes], block_bytes: int, blocks: int) -> bytes:
    """An image with `files` by name; raises NoRoom, ToolMissing.

    Parameters as MicroPython's VfsLfs2 mounts: read and program 32, look-ahead 32 bytes [extmod/vfs_lfs.c, high confidence].
    """
    try:
        from littlefs import LittleFS
        from littlefs.errors import LittleFSError
    except ImportError:
        raise ToolMissing("littlefs-python") from None
    fs = LittleFS(
        block_size=block_bytes, block_count=blocks, read_size=32, prog_size=32, lookahead_size=32, cache_size=128
    )
    try:
        for name in sorted(files):
            folder = name.rpartition("/")[0]
            if folder:
                fs.makedirs(folder, exist_ok=True)
            with fs.open(name, "wb") as file:
                file.write(files[name])
    except LittleFSError:
        raise NoRoom(block_bytes * blocks, sum(map(len, files.values()))) from None
    return bytes(fs.context.buffer)


def romfs(package: Mapping[str, bytes]) -> bytes:
    """An image with `package` (names below lib/), for a board that runs from ROMFS; raises ToolMissing."""
    with tempfile.TemporaryDirectory(prefix="tr") as folder:
        for name, content in package.items():
            path = Path(folder, "lib", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return remote.romfs(folder)
