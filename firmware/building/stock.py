"""MicroPython's own image for the Raspberry Pi Pico, its port rp2 as it stands, with nothing of ours: what a team downloads.

Built from Debian's packages, because no registry has the official image: MicroPython's source, pico-sdk and TinyUSB. What it lacks of the
official one: the drivers that the port freezes from micropython-lib (onewire, ds18x20, dht, neopixel), which Debian leaves out.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from building import TOOLS, BuildError, debian, files, mps2, sources

BOARD = "RPI_PICO"
_PACKAGES = {"pico-sdk-source": ("pico-sdk", "pico_sdk_init.cmake"), "tinyusb-source": ("tinyusb", "src/tusb.h")}
"""Debian's package -> its folder below usr/src and MicroPython's lib, and a file that tells that it is there."""
_MANIFEST = 'freeze("$(PORT_DIR)/modules")\ninclude("$(MPY_DIR)/extmod/asyncio")\n'
_FLASH, _FAMILY = "0x10000000", "0xe48bff56"


def build(jobs: int = 1) -> Path:
    """Path of the UF2; raises BuildError. What has not changed is not built again; one build at a time."""
    mps2.need_toolchain()
    if shutil.which("cmake") is None:
        raise BuildError("there is no cmake", "sudo apt install cmake")
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tree = sources.micropython(None)
        for package, (name, told_by) in _PACKAGES.items():
            if (tree / "lib" / name / told_by).is_file():
                continue
            if os.environ.get(sources.VARIABLE):
                raise BuildError(f"{tree} has no {name}", f"git -C {tree} submodule update --init lib/{name}")
            debian.unpack(package, Path("usr", "src", name), tree / "lib" / name, sources.CHECKOUT)
        return _build(tree, jobs)


def _build(tree: Path, jobs: int) -> Path:
    folder = TOOLS / "firmware" / BOARD
    folder.mkdir(parents=True, exist_ok=True)
    log, objects, image = folder / "build.log", folder / "objects", folder / f"{BOARD}.uf2"
    files.write_if_changed(folder / "manifest.py", _MANIFEST.encode())
    mps2.make(["-C", str(tree / "mpy-cross")], jobs, log, False)
    if not (objects / "Makefile").is_file():
        _run(
            [
                *("cmake", "-S", str(tree / "ports" / "rp2"), "-B", str(objects), f"-DMICROPY_BOARD={BOARD}"),
                *(f"-DMICROPY_FROZEN_MANIFEST={folder / 'manifest.py'}", f"-DPython3_EXECUTABLE={sys.executable}"),
                "-DPICO_NO_PICOTOOL=1",
                # The SDK's one C++ file is for programs in C++: left empty and linked as C, it asks for no C++ library.
                f"-DCMAKE_CXX_COMPILER={shutil.which('arm-none-eabi-gcc')}",
                "-DCMAKE_CXX_FLAGS=-DPICO_CXX_DISABLE_ALLOCATION_OVERRIDES=1",
                "-DCMAKE_CXX_STANDARD_LIBRARIES=-lm",
            ],
            log,
        )
    mps2.make(["-C", str(objects)], jobs, log, False)
    binary, made = objects / "firmware.bin", image.with_suffix(".new")
    convert = [str(tree / "tools" / "uf2conv.py"), "-b", _FLASH, "-f", _FAMILY, "-c", "-o", str(made), str(binary)]
    _run([sys.executable, *convert], log)
    made.replace(image)
    return image


def _run(command: list[str], log: Path) -> None:
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "MICROPY_GIT_TAG": f"v{sources.VERSION}"}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    with log.open("a", encoding="utf-8") as stream:
        stream.write(done.stdout)
    if done.returncode:
        end = "\n".join(done.stdout.splitlines()[-12:])
        raise BuildError(f"{command[0]} ended with code {done.returncode}:\n{end}", f"read {log}")
