"""`python -m tournee_protocol.generate [--check]`: writes the device codec, SPEC.md and vectors.json from the definitions.

Generated files are committed; `--check` writes nothing and exits 3 when one differs (CI), naming it.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

from . import iobus, link, scripts
from .gen import micropython, spec, vectors
from .layouts import generate as layouts

_HERE = Path(__file__).resolve().parent
_FIRMWARE = _HERE.parents[1] / "firmware" / "tournee_fw"

LINK_PREFIXES = {
    "Flag": "FLAG",
    "Kind": "KIND",
    "Op": "OP",
    "Event": "EVENT",
    "Status": "STATUS",
    "SlotState": "SLOT",
    "KeypadState": "KEYPAD",
    "Voltage": "VOLT",
}
LINK_READS = ("Hello", "PowerOn", "PowerOff", "Script", "PinVerify", "Display", "Confirm")
LINK_WRITES = (
    "HelloReply",
    "InfoReply",
    "SlotEntry",
    "PowerOnReply",
    "ScriptAnswer",
    "Part",
    "PinVerifyReply",
    "ConfirmReply",
    "SlotEvent",
)


def outputs() -> dict[Path, str]:
    """Every generated file and the text it must hold."""
    return {
        _FIRMWARE / "_link.py": micropython.codec(
            link,
            "Frames and messages of the link.",
            LINK_PREFIXES,
            LINK_READS,
            LINK_WRITES,
            heads=("FrameBody", "Message", "Apdu"),
        ),
        _FIRMWARE / "_scripts.py": micropython.codec(
            scripts,
            "Steps of a card script.",
            {"StepKind": "STEP", "StepFlag": "STEP_FLAG"},
            ("Step", "ApduStep", "ReadStep", "LoopStep"),
            (),
        ),
        _FIRMWARE / "hal" / "_iobus.py": micropython.codec(
            iobus,
            "Packets of the simulated board's I/O bus.",
            {"Command": "CMD", "Notice": "NOTICE"},
            ("Packet",),
            ("Packet",),
        ),
        _HERE / "SPEC.md": spec.document(_HERE / "spec.in.md"),
        _HERE / "vectors.json": vectors.document(),
        **{_HERE.parents[1] / path: text for path, text in layouts.outputs().items()},
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tournee_protocol.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 3 if a generated file differs")
    check = parser.parse_args(argv).check
    if not _FIRMWARE.is_dir():
        print("generate: no firmware/tournee_fw beside protocol/: run it from a source checkout", file=sys.stderr)
        return 2
    stale = 0
    for path, text in outputs().items():
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if old == text:
            continue
        stale += 1
        if not check:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(_FIRMWARE.parents[1])}")
            continue
        name = str(path.relative_to(_FIRMWARE.parents[1]))
        diff = difflib.unified_diff(old.splitlines(), text.splitlines(), name, "generated", lineterm="", n=1)
        print("\n".join(list(diff)[:40]), file=sys.stderr)
        print(f"{name} is not what the definitions give: run python -m tournee_protocol.generate", file=sys.stderr)
    return 3 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
