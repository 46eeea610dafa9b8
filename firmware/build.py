#!/usr/bin/env python3
"""Builds the firmware image of a board: `python firmware/build.py --board MPS2_AN385 [--out DIR]`.

MicroPython's source comes from `MICROPYTHON_DIR` or, once, from the Debian archive that this machine is configured for: `apt-get` with a
configuration of its own in a temporary folder, so no root is needed and nothing on the machine changes. Source and objects are kept
in `.tools/`. The same files give the same image: its SHA-256 is printed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

if str(Path(__file__).resolve().parent) not in sys.path:
    sys.path.insert(0, str(Path(__file__).resolve().parent))

from building import BuildError, files, mps2, sources

DONE, MISSING = 0, 4


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the firmware image of a board.")
    parser.add_argument(
        "--board", required=True, choices=files.boards(), help="folder of tournee_fw/boards with a board.toml"
    )
    parser.add_argument("--out", type=Path, help="also copy firmware.elf and build.json there")
    parser.add_argument(
        "--source", type=Path, help=f"a MicroPython checkout; else {sources.VARIABLE}, else Debian's source"
    )
    parser.add_argument("--jobs", type=int, default=1, help="compilers at once (default: 1)")
    parser.add_argument("--heap", type=int, help="bytes of heap instead of the board's own (for measurements)")
    parser.add_argument("--verbose", action="store_true", help="show what the compilers say")
    options = parser.parse_args(argv)
    try:
        image = mps2.build(options.board, options.source, options.jobs, options.heap, verbose=options.verbose)
    except BuildError as error:
        print(f"build.py: {error}\n→ {error.remedy}", file=sys.stderr)
        return MISSING
    except KeyboardInterrupt:
        return 130
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
    return DONE


if __name__ == "__main__":
    sys.exit(main())
