"""Faults as vocabulary: what can be made to go wrong, by name, for `tournee sim fault`, scenarios and tests.

A card fault stays until `clear` or until it has struck as often as it says; a link fault strikes once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Final, Self

DIRECTIONS: Final = ("to_host", "to_board", "to_card", "any")


class FaultError(ValueError):
    """No such fault, or a parameter that does not belong to it; the message lists what there is."""


class Named(StrEnum):
    """A name with a line about it."""

    about: str

    def __new__(cls, value: str, about: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.about = about
        return member


class CardFault(Named):
    MUTE = "mute", "no answer to reset"
    SILENT = "silent", "no answer to a command"
    NULL_STORM = "null-storm", "60 every 0.9 waiting time, `count` times (0: for ever)"
    OVERRUN = "overrun", "the answer comes after 2 waiting times (T=1: block waiting times)"
    GARBAGE_ATR = "garbage-atr", "TS is no TS"
    BAD_TCK = "bad-tck", "an ATR that announces T=1 and has a wrong check character"
    BAD_PROCEDURE = "bad-procedure", "a procedure byte that is none"
    SINGLE_ACK = "single-ack", "not an error: data one byte at a time by ~INS"
    PPS_MUTE = "pps-mute", "no answer to a PPS"
    PPS_REFUSED = "pps-refused", "answers without PPS1: F/D stay at 372/1"
    PPS_GARBAGE = "pps-garbage", "a PPS answered with what it did not ask for"
    SW_6F00 = "sw-6f00", "every command ends with 6F00"
    BAD_EDC = "bad-edc", "T=1: a block with a wrong check"
    LOST_BLOCK = "lost-block", "T=1: done, but the block that says so does not come"
    WTX = "wtx", "T=1: asks for more time before it answers"
    CARD_ABORT = "card-abort", "T=1: the card gives a command up"
    PARITY = "parity", "character `after` in `direction` (to_card, to_board) damaged `count` times (0: for ever)"
    PULL = "pull", "the card leaves after `after` more bytes in either direction"
    BLOCKED = "blocked", "tries left: 0"


class LinkFault(Named):
    CUT = "link-cut", "the host loses the link after `after` more bytes in `direction`"
    KILL = "kill", "the terminal is killed after `after` more frames in `direction`"


@dataclass(frozen=True)
class Fault:
    """One armed fault. `after`: bytes or frames; `count`: how often, 0 for ever; `direction`: of `DIRECTIONS`."""

    kind: CardFault | LinkFault
    after: int = 0
    count: int = 0
    direction: str = "any"


@dataclass
class CardFaults:
    """The faults armed on one card."""

    armed: dict[CardFault, Fault] = field(default_factory=dict)

    def arm(self, fault: Fault) -> None:
        if not isinstance(fault.kind, CardFault):
            raise FaultError(f"{fault.kind} is a fault of the link, not of a card")
        self.armed[fault.kind] = fault

    def clear(self) -> None:
        self.armed.clear()

    def get(self, kind: CardFault) -> Fault | None:
        return self.armed.get(kind)

    def strike(self, kind: CardFault) -> bool:
        """Whether the fault strikes now; one with a count is spent by it."""
        fault = self.armed.get(kind)
        if fault is None:
            return False
        if fault.count == 1:
            del self.armed[kind]
        elif fault.count > 1:
            self.armed[kind] = replace(fault, count=fault.count - 1)
        return True

    def struck(self, kind: CardFault, direction: str, count: int) -> int | None:
        """Which of the next `count` characters in `direction` the fault strikes, and is spent by once; None: none of them."""
        fault = self.armed.get(kind)
        if fault is None or fault.direction not in (direction, "any"):
            return None
        self.armed[kind] = replace(fault, after=max(0, fault.after - count))
        if fault.after >= count:
            return None
        self.strike(kind)
        return fault.after


def parse(name: str, **parameters: int | str | None) -> Fault:
    """A fault from its name and parameters as typed; raises FaultError."""
    kinds: dict[str, CardFault | LinkFault] = {**{k.value: k for k in CardFault}, **{k.value: k for k in LinkFault}}
    if name not in kinds:
        raise FaultError(f"no fault {name!r}; there are: {', '.join(kinds)}")
    given = {k: v for k, v in parameters.items() if v is not None}
    unknown = set(given) - {f.name for f in fields(Fault)}
    if unknown:
        raise FaultError(
            f"fault {name}: unknown parameter {', '.join(sorted(unknown))}; there are after, count, direction"
        )
    if str(given.get("direction", "any")) not in DIRECTIONS:
        raise FaultError(f"direction is one of {', '.join(DIRECTIONS)}")
    after, count = int(given.get("after", 0)), int(given.get("count", 0))
    if after < 0 or count < 0:
        raise FaultError("after and count are 0 or more")
    return Fault(kinds[name], after, count, str(given.get("direction", "any")))
