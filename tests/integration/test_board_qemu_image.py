"""What the image of the Cortex-M3 has besides the firmware: AES, and a file system on a RAM disk."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tools import cortex
from tests.tools import qemu as images

pytestmark = [pytest.mark.xdist_group("qemu"), pytest.mark.timeout(900)]  # the first builds the image


def ran(text: str) -> Any:
    return cortex.run(images.image(), text, counting=False)


def test_aes_128_and_256_as_fips_197_and_cbc_as_nist() -> None:
    """FIPS-197 appendix C.1 and C.3; SP 800-38A F.2.5 (CBC, AES-256, first block)."""
    assert ran("""
import json
from binascii import hexlify, unhexlify as un
from cryptolib import aes
plain = un("00112233445566778899aabbccddeeff")
found = [aes(bytes(range(n)), 1).encrypt(plain) for n in (16, 32)]
found += [aes(bytes(range(32)), 1).decrypt(found[1])]
key = un("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
found += [aes(key, 2, bytes(range(16))).encrypt(un("6bc1bee22e409f96e93d7e117393172a"))]
print(json.dumps([hexlify(item).decode() for item in found]))
""") == [
        "69c4e0d86a7b0430d8cdb78070b4c55a",
        "8ea2b7ca516745bfeafc49904b496089",
        "00112233445566778899aabbccddeeff",
        "f58c4c04d6e5f1ba779eabfb5f7bfbd6",
    ]


def test_there_is_no_counter_mode_as_on_stock_boards() -> None:
    with pytest.raises(cortex.GuestError, match="ValueError: mode"):
        ran("from cryptolib import aes\naes(bytes(32), 6, bytes(16))")


def test_sha_256_and_the_crc_of_the_link() -> None:
    found = ran("""
import json
from binascii import crc32, hexlify
from hashlib import sha256
print(json.dumps([hexlify(sha256(b"abc").digest()).decode(), crc32(b"123456789")]))
""")
    assert found == ["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 0xCBF43926]


def test_the_ram_disk_holds_files_and_modules() -> None:
    """Written, listed, read, renamed, removed, imported; one megabyte, of which a file may fill nearly all."""
    assert ran("""
import json
import os
import sys
from tournee_fw.boards.MPS2_AN385.ramdisk import mount
mount()
mount()
before = os.listdir("/")
os.mkdir("/lib")
with open("/lib/visit.py", "w") as file:
    file.write("ROUND = 'tournee'\\n")
with open("/big", "wb") as file:
    for _ in range(230):
        file.write(bytes(4096))
os.rename("/big", "/bigger")
size = os.stat("/bigger")[6]
full = False
try:
    with open("/more", "wb") as file:
        for _ in range(40):
            file.write(bytes(4096))
except OSError as error:
    full = error.errno == 28
os.remove("/bigger")
sys.path.append("/lib")
import visit
print(json.dumps([before, size, full, visit.ROUND, sorted(os.listdir("/"))]))
""") == [[], 230 * 4096, True, "tournee", ["lib", "more"]]


def test_what_the_machine_put_on_the_disk_before_is_found() -> None:
    """A damaged one is formatted, not refused: the disk is gone with the power anyway."""
    assert ran("""
import json
import os
from tournee_fw.boards.MPS2_AN385.ramdisk import RamDisk, mount
import vfs
disk = RamDisk()
vfs.VfsLfs2.mkfs(disk)
files = vfs.VfsLfs2(disk, mtime=False)
vfs.mount(files, "/")
open("/kept", "w").close()
vfs.umount("/")
mount()
kept = os.listdir("/")
vfs.umount("/")
for block in (0, 1):
    disk.writeblocks(block, bytes(4096))
mount()
print(json.dumps([kept, os.listdir("/")]))
""") == [["kept"], []]
