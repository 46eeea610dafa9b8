"""A Linux kernel for a virtual machine, into `.tools/linux`: Debian's, with the modules of a USB host with serial ports. Nothing is installed.

`vmlinuz`, and the modules as `NN-name.ko` in the order in which they are loaded.
"""

from __future__ import annotations

import lzma
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

META = "linux-image-amd64"
WANTED = ("xhci_pci", "cdc_acm", "virtio_pci", "9pnet_virtio", "9p")
"""A USB host controller, CDC ACM, and the file system of this machine, seen from the virtual one."""
_BELOW = ("/drivers/usb/", "/drivers/virtio/", "/net/9p/", "/fs/9p/", "/fs/netfs/", "/fs/fscache/")


def fetch(folder: Path) -> None:
    """Raises OSError, ValueError or CalledProcessError; `folder` is whole afterwards, or not there."""
    with tempfile.TemporaryDirectory(prefix="tl") as scratch:
        package = _package()
        subprocess.run(["apt-get", "-q", "download", package], cwd=scratch, check=True, capture_output=True)
        (archive,) = Path(scratch).glob("*.deb")
        made = Path(scratch, "linux")
        made.mkdir()
        _unpack(archive, made)
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        half = folder.with_suffix(".new")
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(made, half)
        half.rename(folder)


def _package() -> str:
    said = subprocess.run(["apt-cache", "depends", META], check=True, capture_output=True, text=True).stdout
    found = re.search(r"Depends: (linux-image-\S+)", said)
    if found is None:
        raise ValueError(f"apt knows no {META}: run apt-get update")
    return found[1]


def _unpack(archive: Path, folder: Path) -> None:
    modules: dict[str, bytes] = {}
    with subprocess.Popen(["dpkg", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as dpkg:
        assert dpkg.stdout is not None
        with tarfile.open(fileobj=dpkg.stdout, mode="r|") as tar:
            for member in tar:
                if not member.isfile():
                    continue
                if "/boot/vmlinuz" in member.name:
                    (folder / "vmlinuz").write_bytes(_read(tar.extractfile(member)))
                elif ".ko" in member.name and any(part in member.name for part in _BELOW):
                    name, content = Path(member.name).name, _read(tar.extractfile(member))
                    modules[name.partition(".")[0].replace("-", "_")] = (
                        lzma.decompress(content) if name.endswith(".xz") else content
                    )
    for number, name in enumerate(_ordered(modules, WANTED)):
        (folder / f"{number:02}-{name}.ko").write_bytes(modules[name])
    if not (folder / "vmlinuz").is_file():
        raise ValueError(f"{archive.name} has no kernel")


def _read(file: IO[bytes] | None) -> bytes:
    assert file is not None
    return file.read()


def _ordered(modules: dict[str, bytes], wanted: Sequence[str]) -> list[str]:
    """`wanted` and what they need, each after what it needs; a name that is no module is part of the kernel."""
    order: list[str] = []

    def add(name: str) -> None:
        if name in order or name not in modules:
            return
        needs = re.search(rb"\0depends=([^\0]*)\0", modules[name])
        for each in needs[1].decode().split(",") if needs else []:
            add(each.replace("-", "_"))
        order.append(name)

    for name in wanted:
        add(name)
    return order


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
