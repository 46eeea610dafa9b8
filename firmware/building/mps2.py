"""An image of MicroPython's port `qemu` with the firmware frozen in (the board MPS2_AN385, a Cortex-M3)."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from building import PACKAGE, TOOLS, BuildError, files, sources
from tournee.flash import fileset

TOOLCHAIN = {
    "make": "make",
    "gcc": "gcc",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
}
_DISK_BLOCK, _DISK_BLOCKS = 4096, 256  # of boards/MPS2_AN385/ramdisk.py
EPOCH = "1735689600"  # 2025-01-01: the build date that MicroPython writes into the image


def build(
    board: str,
    source: Path | None = None,
    jobs: int = 1,
    heap: int | None = None,
    *,
    bare: bool = False,
    verbose: bool = False,
) -> Path:
    """Path of the image, `build.json` beside it; raises BuildError. What has not changed is not built again; one build at a time.

    `heap`: bytes instead of the board's own, for measurements; `bare`: nothing frozen but the RAM disk, on which QEMU puts
    `littlefs.img` beside the image, the file set that a user installs. These images stand in folders of their own.
    """
    need_toolchain()
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _build(board, source, jobs, heap, bare, verbose)


def _build(board: str, source: Path | None, jobs: int, heap: int | None, bare: bool, verbose: bool) -> Path:
    tree = sources.micropython(source)
    name = "-".join([board, *(["bare"] if bare else []), *([] if heap is None else [str(heap)])])
    folder = TOOLS / "firmware" / name
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "build.log"
    settings = fileset.settings_of(board)
    digest = fileset.manifest(fileset.installed(PACKAGE))
    if bare:
        from tournee.flash.adapters import cross, images  # these need packages that an image does not

        made = fileset.make(board, cross.compiled)
        digest = made.manifest
        (folder / "littlefs.img").write_bytes(images.littlefs(made.laid(), _DISK_BLOCK, _DISK_BLOCKS))
    frozen = (files.stage_bare if bare else files.stage)(folder / "frozen", board, digest)
    make(["-C", str(tree / "mpy-cross")], jobs, log, verbose)
    objects = objects_for(folder, tree, board)
    arguments = [
        *("-C", str(tree / "ports" / settings["port"]), f"BOARD={board}"),
        f"BOARD_DIR={PACKAGE / 'boards' / board}",
        f"BUILD={objects}",
        f"FROZEN_MANIFEST={frozen}",
        f"CFLAGS_EXTRA=-ffile-prefix-map={tree}=. -ffile-prefix-map={objects}=build",
    ]
    if heap is not None:
        arguments.append(f"MICROPY_HEAP_SIZE={heap}")
    make(arguments, jobs, log, verbose)
    image = folder / "firmware.elf"
    shutil.copyfile(objects / "firmware.elf", image.with_suffix(".new"))
    image.with_suffix(".new").replace(image)
    facts = {
        "board": board,
        "micropython": sources.version_of(tree),
        "mbedtls": sources.mbedtls_version(tree),
        "heap": heap_of(PACKAGE / "boards" / board / "mpconfigboard.mk") if heap is None else heap,
        "manifest": digest,
        "sha256": hashlib.sha256(image.read_bytes()).hexdigest(),
    }
    image.with_name("build.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    return image


def need_toolchain() -> None:
    missing = sorted({package for tool, package in TOOLCHAIN.items() if shutil.which(tool) is None})
    if missing:
        raise BuildError("the compilers are not all here", f"sudo apt install {' '.join(missing)}")


def objects_for(folder: Path, tree: Path, board: str) -> Path:
    """Folder of objects, emptied when the configuration is another one than last time: make does not see that."""
    objects, stamp = folder / "objects", folder / "configuration"
    compiler = subprocess.run(["arm-none-eabi-gcc", "--version"], capture_output=True, text=True, check=True).stdout
    wanted = [str(tree), sources.mbedtls_version(tree), compiler.partition("\n")[0]]
    wanted += [path.read_text("utf-8") for path in sorted((PACKAGE / "boards" / board).glob("*.[lmh]*"))]
    text = "\n".join(wanted)
    if not stamp.exists() or stamp.read_text("utf-8") != text:
        shutil.rmtree(objects, ignore_errors=True)
        stamp.write_text(text, "utf-8")
    return objects


def make(arguments: list[str], jobs: int, log: Path, verbose: bool) -> None:
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "SOURCE_DATE_EPOCH": EPOCH}
    environment["MICROPY_GIT_TAG"] = f"v{sources.VERSION}"
    command = ["nice", "make", f"-j{jobs}", f"PYTHON={sys.executable}", *arguments]
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    with log.open("a", encoding="utf-8") as stream:
        stream.write(done.stdout)
    if verbose:
        print(done.stdout)
    if done.returncode:
        end = "\n".join(done.stdout.splitlines()[-12:])
        raise BuildError(
            f"make ended with code {done.returncode}:\n{end}", f"read {log}; delete {log.parent} to start afresh"
        )


def heap_of(configuration: Path) -> int:
    found = re.search(r"^MICROPY_HEAP_SIZE = (\d+)$", configuration.read_text("utf-8"), re.MULTILINE)
    return int(found[1]) if found else 0
