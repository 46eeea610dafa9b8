"""Whether an answer is what a step expects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tournee_sim.scenarios.errors import Failed

ALWAYS: Final = ("status", "within_ms")
"""What every answer has; all else only one with the status OK."""
_CARD: Final = (*ALWAYS, "sw", "data", "bytes")
GIVES: Final[Mapping[str, tuple[str, ...]]] = {
    "power": (*ALWAYS, "protocol", "data", "bytes"),
    "off": ALWAYS,
    "apdu": _CARD,
    "tpdu": _CARD,
    "script": _CARD,
    "pin": (*ALWAYS, "sw", "tries"),
    "confirm": ALWAYS,
    "info": ALWAYS,
    "slots": ALWAYS,
}
"""What can be expected of the answer to an action; an action that is not here gets none."""


def check(expect: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """`answer` has some of status, sw, data (hex), bytes, protocol, tries, within_ms; raises Failed with what differs."""
    status = answer["status"]
    wanted = listed(expect.get("status", "OK"))
    if status not in wanted:
        raise Failed(f"status {status}, not {' or '.join(wanted)}")
    if "within_ms" in expect and answer["within_ms"] > expect["within_ms"]:
        raise Failed(f"answered after {answer['within_ms']} simulated ms, not within {expect['within_ms']}")
    if status != "OK":
        return
    default = {"sw": "9000"} if "sw" in answer else {}
    for key, patterns in (default | dict(expect)).items():
        if key in ALWAYS:
            continue
        if key not in answer:
            raise Failed(f"expects {key}, which this step does not give")
        got = answer[key]
        if key in ("sw", "data"):
            if not any(matches(str(p), got) for p in listed(patterns)):
                shown = got if key == "sw" else f"of {len(got) // 2} bytes"
                raise Failed(f"{key} {shown}, not {' or '.join(map(str, listed(patterns)))}")
        elif got != patterns:
            raise Failed(f"{key} {got}, not {patterns}")


def matches(pattern: str, text: str) -> bool:
    """Hex digits against a pattern in which X is any digit; blanks do not count."""
    pattern = pattern.replace(" ", "").upper()
    return len(pattern) == len(text) and all(p in ("X", t) for p, t in zip(pattern, text.upper(), strict=True))


def listed(value: Any) -> list[Any]:
    """One of them, or several."""
    return list(value) if isinstance(value, (list, tuple)) else [value]
