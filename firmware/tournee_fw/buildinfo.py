"""The manifest hash: SHA-256 over every firmware file, so that a host can tell which files a terminal runs.

For each `.py` and `.mpy` file under `tournee_fw`, in order of its path (with `/`, compared as bytes): path, a zero byte, length
in 4 bytes big-endian, content. Frozen boards carry the same value, computed at build time.
"""

import binascii
import hashlib
import os
from struct import pack

_DIRECTORY = 0x4000


def manifest(folder: str) -> str:
    """Hex digest of the firmware in `folder` (the `tournee_fw` directory)."""
    digest = hashlib.sha256()
    piece = bytearray(512)
    view = memoryview(piece)
    for path in sorted(_files(folder, "")):
        full = folder + "/" + path
        digest.update(path.encode())
        digest.update(b"\0")
        digest.update(pack(">L", os.stat(full)[6]))
        with open(full, "rb") as file:
            while True:
                n = file.readinto(piece)
                if not n:
                    break
                digest.update(view[:n])
    return binascii.hexlify(digest.digest()).decode()


def _files(folder, under):
    for entry in os.ilistdir(folder + "/" + under if under else folder):
        path = under + "/" + entry[0] if under else entry[0]
        if entry[1] == _DIRECTORY:
            yield from _files(folder, path)
        elif path.endswith((".py", ".mpy")):
            yield path
