#!/usr/bin/env python3
"""Builds the firmware of a board: `python firmware/build.py --board BOARD [--out DIR]`.

A board whose firmware is frozen (`install = "image"` in its board.toml: MPS2_AN385) gets an image. MicroPython's source comes from
`MICROPYTHON_DIR` or, once, from the Debian archive that this machine is configured for: `apt-get` with a configuration of its own in
a temporary folder, so no root is needed and nothing on the machine changes. Source and objects are kept in `.tools/`.

A board with a file system (`install = "files"`) gets its compiled files and the images of that file system; this needs
`pip install 'tournee[flash]'` (`make setup` has it). The same files give the same bytes: their SHA-256 is printed.

`--stock` builds what such a board runs before it is flashed, for the emulated one: MicroPython's port rp2, from Debian's packages.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "host"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from building import TOOLS, BuildError, sources
from tournee.flash import fileset

DONE, MISSING = 0, 4


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the firmware of a board.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--board", choices=fileset.boards(), help="folder of tournee_fw/boards with a board.toml")
    what.add_argument("--stock", action="store_true", help="MicroPython's own image for the Raspberry Pi Pico (UF2)")
    parser.add_argument("--out", type=Path, help="where the result is put (default: below .tools/firmware)")
    image = parser.add_argument_group("boards whose firmware is an image")
    image.add_argument(
        "--source", type=Path, help=f"a MicroPython checkout; else {sources.VARIABLE}, else Debian's source"
    )
    image.add_argument("--jobs", type=int, default=1, help="compilers at once (default: 1)")
    image.add_argument("--heap", type=int, help="bytes of heap instead of the board's own (for measurements)")
    image.add_argument("--verbose", action="store_true", help="show what the compilers say")
    options = parser.parse_args(argv)
    try:
        if options.stock:
            _stock(options)
        else:
            (_image if options.board in fileset.boards("image") else _files)(options)
    except BuildError as error:
        print(f"build.py: {error}\n→ {error.remedy}", file=sys.stderr)
        return MISSING
    except OSError as error:
        where = error.filename or options.out or TOOLS
        remedy = "give a folder that can be written with --out, and make room"
        print(f"build.py: {where}: {error.strerror}\n→ {remedy}", file=sys.stderr)
        return MISSING
    except KeyboardInterrupt:
        return 130
    return DONE


def _image(options: argparse.Namespace) -> None:
    from building import mps2

    image = mps2.build(options.board, options.source, options.jobs, options.heap, verbose=options.verbose)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        for path in (image, image.with_name("build.json")):
            shutil.copyfile(path, options.out / path.name)
        image = options.out / image.name
    facts = json.loads(image.with_name("build.json").read_text("utf-8"))
    print(f"{image}")
    print(
        f"  {facts['board']}, MicroPython {facts['micropython']}, mbedtls {facts['mbedtls']}, heap {facts['heap']} bytes"
    )
    print(f"  firmware files {facts['manifest']}")
    print(f"  image {facts['sha256']}")


def _stock(options: argparse.Namespace) -> None:
    from building import stock

    image = stock.build(options.jobs)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        image = Path(shutil.copy(image, options.out))
    print(f"{image}")


def _files(options: argparse.Namespace) -> None:
    from building import filesets

    out = options.out or TOOLS / "firmware" / options.board
    out.mkdir(parents=True, exist_ok=True)
    facts = filesets.build(options.board, out)
    print(f"{out}")
    print(f"  {facts['board']}, firmware {facts['firmware']}")
    print(f"  firmware files {facts['manifest']}")
    for name in (name for name in facts if name.endswith(".img")):
        print(f"  {name} {facts[name]}")


if __name__ == "__main__":
    sys.exit(main())
