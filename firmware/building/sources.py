"""MicroPython's source tree, with the mbedtls that its AES comes from: a checkout of the user's, or Debian's packages kept in `.tools/`."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import tempfile
from pathlib import Path

from building import TOOLS, BuildError, debian

VERSION = "1.25.0"
VARIABLE = "MICROPYTHON_DIR"
ORIG = "micropython_1.25.0+ds.orig.tar.xz"
ORIG_SHA256 = "7b25be99a502f070b2de81dafc08da7051d992325d6e67daa9045a918fffdbea"
MBEDTLS = "lib/mbedtls"
CHECKOUT = f"set {VARIABLE} to a checkout of v{VERSION}"


def micropython(given: Path | None) -> Path:
    """A source tree of MicroPython that our configuration fits; fetched when there is none. Raises BuildError."""
    if given is None and os.environ.get(VARIABLE):
        given = Path(os.environ[VARIABLE])
    tree = given.resolve() if given else TOOLS / f"micropython-{VERSION}"
    if given and not (tree / "ports" / "qemu" / "Makefile").is_file():
        raise BuildError(f"{tree} is no MicroPython source with ports/qemu", CHECKOUT)
    if not given and not tree.is_dir():
        fetch_micropython(tree)
    if (found := version_of(tree)) != VERSION:
        raise BuildError(
            f"{tree} is MicroPython {found}", f"check out v{VERSION} there: the board's configuration is for it"
        )
    if not (tree / MBEDTLS / "library" / "aes.c").is_file():
        if given:
            raise BuildError(f"{tree} has no mbedtls", f"git -C {tree} submodule update --init {MBEDTLS}")
        fetch_mbedtls(tree / MBEDTLS)
    return tree


def version_of(tree: Path) -> str:
    text = (tree / "py" / "mpconfig.h").read_text("utf-8")
    parts = [re.search(rf"define MICROPY_VERSION_{part} (\d+)", text) for part in ("MAJOR", "MINOR", "MICRO")]
    return ".".join(part[1] if part else "?" for part in parts)


def mbedtls_version(tree: Path) -> str:
    text = (tree / MBEDTLS / "include" / "mbedtls" / "build_info.h").read_text("utf-8")
    found = re.search(r'define MBEDTLS_VERSION_STRING\s+"([^"]+)"', text)
    return found[1] if found else "?"


def fetch_micropython(tree: Path) -> None:
    """Debian's source package into `tree`: content by its hash, besides apt's signature."""
    tree.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tree.parent) as name:
        folder = Path(name)
        debian.download("micropython", folder, CHECKOUT)
        archive = folder / ORIG
        if not archive.is_file():
            raise BuildError(f"{debian.SUITE} no longer has {ORIG}", CHECKOUT)
        if hashlib.sha256(archive.read_bytes()).hexdigest() != ORIG_SHA256:
            raise BuildError(f"{archive.name} is not the archive this build is for", CHECKOUT)
        top = _unpack(archive, folder / "tree")
        # The build asks for this file of a submodule that the package leaves out and our manifest does not use.
        (top / "lib" / "micropython-lib" / "README.md").touch()
        top.replace(tree)


def fetch_mbedtls(target: Path) -> None:
    """`library` and `include` of Debian's mbedtls 3.6, whose point releases follow security fixes: by signature, not by a fixed hash."""
    with tempfile.TemporaryDirectory(dir=TOOLS) as name:
        folder = Path(name)
        debian.download("mbedtls", folder, CHECKOUT)
        archive = next(folder.glob("mbedtls_3.6.*.orig.tar.*"), None)
        if archive is None:
            raise BuildError(f"{debian.SUITE} no longer has mbedtls 3.6", CHECKOUT)
        top = _unpack(archive, folder / "tree")
        target.mkdir(exist_ok=True)
        for part in ("LICENSE", "include", "library"):  # aes.c, which is looked for, comes with the last
            (top / part).replace(target / part)


def _unpack(archive: Path, folder: Path) -> Path:
    """The one top folder of the archive."""
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (top,) = folder.iterdir()
    return top
