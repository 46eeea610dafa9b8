"""A LittleFS in the PSRAM of the MPS2 board (16 MB at 0x21000000 [SPEC ARM DAI0385D memory map]): gone when the power is.

QEMU can fill it before the firmware starts (`-device loader`), which is how a file set gets on this board.
"""

import uctypes
import vfs
from micropython import const

_BASE = const(0x21000000)
_BLOCK = const(4096)
_BLOCKS = const(256)


class RamDisk:
    """Block device of 1 MB, with the extended interface that LittleFS asks for."""

    def __init__(self):
        self._view = memoryview(uctypes.bytearray_at(_BASE, _BLOCK * _BLOCKS))

    def readblocks(self, block, buf, offset=0):
        at = block * _BLOCK + offset
        buf[:] = self._view[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        at = block * _BLOCK + offset
        self._view[at : at + len(buf)][:] = buf

    def ioctl(self, op, arg):
        if op == 4:
            return _BLOCKS
        if op == 5:
            return _BLOCK
        return 0  # nothing to erase before a write, nothing to flush


def mount():
    """At "/", formatted when there is no file system yet; nothing when it is mounted already."""
    if vfs.mount():
        return
    disk = RamDisk()
    try:
        files = vfs.VfsLfs2(disk, mtime=False)  # type: ignore[arg-type] (the stubs want a class of theirs)
    except OSError:
        vfs.VfsLfs2.mkfs(disk)  # type: ignore[arg-type]
        files = vfs.VfsLfs2(disk, mtime=False)  # type: ignore[arg-type] (the stubs want a class of theirs)
    vfs.mount(files, "/")
