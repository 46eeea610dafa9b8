"""Faults of the air, by name: what `tournee sim fault` and `tournee sim air --commands` understand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tournee_sim.radio.hub import AirHub

USAGE: Final = {
    "jam": "jam on|off: nothing gets through; connections end after their supervision time-out",
    "drop": "drop [PDUS]: every connection ends, as when a door closes; now, or once so many more PDUs have arrived",
    "loss": "loss SHARE: from 0 to 1 of the PDUs are lost and sent again (not on instant air)",
    "stats": "stats: what the air has carried",
}


class FaultError(ValueError):
    """No such fault, or a wrong argument; the text says how to write it."""


def apply(hub: AirHub, words: Sequence[str]) -> dict[str, Any]:
    """Do one fault, e.g. `["jam", "on"]`; returns what the air is like now."""
    name, arguments = (words[0], list(words[1:])) if words else ("", [])
    if name not in USAGE:
        raise FaultError(f"no radio fault {name!r}; there are: {'; '.join(USAGE.values())}")
    try:
        ended = _do(hub, name, arguments)
    except ValueError as exc:
        raise FaultError(f"write it as: {USAGE[name]}") from exc
    state: dict[str, Any] = {
        "jammed": hub.air.jammed,
        "loss": hub.air.config.loss,
        "interval_ms": hub.air.config.interval_ms,
        "connected": hub.air.connection_count,
        "clients": hub.client_count,
        "stats": hub.stats.as_dict(),
    }
    return state if ended is None else {"ended": ended, **state}


def _do(hub: AirHub, name: str, arguments: list[str]) -> int | None:
    """Number of connections ended, for the fault that ends some; ValueError for wrong arguments."""
    if len(arguments) not in {"jam": (1,), "loss": (1,), "drop": (0, 1)}.get(name, (0,)):
        raise ValueError(name)
    if name == "drop":
        if not arguments:
            return hub.air.drop()
        if int(arguments[0]) < 0:
            raise ValueError(arguments[0])
        hub.air.drop_after(int(arguments[0]))
    if name == "jam":
        if arguments[0] not in ("on", "off"):
            raise ValueError(arguments[0])
        hub.air.jam(arguments[0] == "on")
    elif name == "loss":
        hub.set(loss=float(arguments[0]))
    return None
