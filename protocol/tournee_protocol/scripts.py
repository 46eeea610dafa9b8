"""Card scripts: data that the terminal runs near the card, so that a radio costs one round trip instead of a hundred.

The firmware and the host (for PC/SC readers) interpret the same bytes; `vectors.json` pins both. A script is a sequence of
steps; each emits one `link.ScriptAnswer` (step index from 0, last SW, data). The terminal follows 61xx and 6Cxx by itself.
Bounds: `MAX_STEPS` steps, `MAX_APDUS` card exchanges, answers of `MAX_BYTES` bytes in all (status SCRIPT_LIMIT beyond).
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final

from construct import Byte, GreedyBytes, GreedyRange, Int16ub, Prefixed, Struct, Switch, this

MAX_STEPS: Final = 64
MAX_APDUS: Final = 512
MAX_BYTES: Final = 8000


class StepKind(IntEnum):
    APDU = 0x01
    READ = 0x02
    LOOP = 0x03


class StepFlag(IntFlag):
    STOP_ON_ERROR = 0x01  # SW neither 9000 nor 62xx: the script ends here, with this answer as the last
    SKIP_ON_ERROR = 0x02  # the same SW: the next step is skipped (it emits nothing)
    QUIET = 0x04  # emits no answer unless the SW is an error


ApduStep = Struct("apdu" / GreedyBytes)
ReadStep = Struct("sfi" / Byte, "chunk" / Byte, "limit" / Int16ub)
"""READ BINARY from offset 0 to the end: `sfi` 0 is the current EF, `chunk` the Le (0 = 256), `limit` the most bytes.
Ends at a short answer, 6282, 6B00 or `limit`; the answer holds all bytes and, unless nothing could be read, SW 9000."""
LoopStep = Struct("limit" / Byte, "p2_step" / Byte, "apdu" / GreedyBytes)
"""The APDU again and again with P2 grown by `p2_step`, until SW is not 9000 or `limit` turns: an answer per turn."""

Step = Struct(
    "kind" / Byte,
    "flags" / Byte,
    "body"
    / Prefixed(Int16ub, Switch(this.kind, {StepKind.APDU: ApduStep, StepKind.READ: ReadStep, StepKind.LOOP: LoopStep})),
)
Steps = Struct("steps" / GreedyRange(Step))
