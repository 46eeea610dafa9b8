"""The electrical rule check. A rule takes a board and gives its faults; `check` runs them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .model import Board, Part, Pin, quantity, volts

_MARGIN_V = (
    0.3  # what a logic input bears above its supply [K: absolute maximum of CMOS inputs; RP2040 datasheet §5.5.3]
)
_DRIVERS = ("out", "io", "od", "src", "pio", "sup")


@dataclass(frozen=True)
class Fault:
    rule: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.where}: {self.what}"


Rule = Callable[[Board], Iterator[Fault]]
RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    RULES[function.__name__] = function
    return function


def check(board: Board) -> list[Fault]:
    return [fault for one in RULES.values() for fault in one(board)]


def _all(board: Board) -> Iterator[tuple[Part, Pin, str]]:
    """Every connected pin; the net too."""
    for net, pins in board.nets.items():
        for part, pin in pins:
            yield part, pin, net


def _at(part: Part, pin: Pin) -> str:
    return f"{part.ref} {pin.name}" + (f" ({pin.number})" if pin.number != pin.name else "")


def resistors(board: Board, net: str) -> Iterator[tuple[Part, str]]:
    """Those at a net, with the net at their other end."""
    for part in board.parts.values():
        if part.type[0] == "R" and part.value and net in part.nets.values():
            yield part, next((n for n in part.nets.values() if n != net), net)


@rule
def connected(board: Board) -> Iterator[Fault]:
    """Every pin goes somewhere, or may be open; no net ends at its first pin; what must be open is."""
    for part in board.parts.values():
        for pin in part.pins:
            if pin.number not in part.nets and not pin.may_be_open:
                yield Fault("connected", _at(part, pin), "open")
            elif pin.number in part.nets and pin.kind == "nc":
                yield Fault("connected", _at(part, pin), "must stay open")
    for net, pins in board.nets.items():
        if len({part.ref for part, _ in pins}) == 1:
            yield Fault("connected", net, f"nothing but {_at(*pins[0])} on it")


@rule
def grounded(board: Board) -> Iterator[Fault]:
    """Ground pins are on ground, and only ground is there with them."""
    for part, pin, net in _all(board):
        if (pin.kind == "gnd") != (net == "GND") and pin.kind in ("gnd", "sup", "src", "pio", "out"):
            yield Fault("grounded", _at(part, pin), f"is on {net}")


@rule
def driven(board: Board) -> Iterator[Fault]:
    """An input has something that drives it, and no two push-pull outputs or supplies meet."""
    for net, pins in board.nets.items():
        outs = {(part.ref, pin.name): (part, pin) for part, pin in pins if pin.kind in ("out", "src")}
        if len(outs) > 1:
            yield Fault("driven", net, " and ".join(_at(*pair) for pair in outs.values()) + " both drive it")
        for part, pin in pins:
            others = [q for p, q in pins if (p.ref, q.number) != (part.ref, pin.number) and q.kind in _DRIVERS]
            if pin.kind == "in" and not others and net != "GND" and not any(_pulls(board, net)):
                yield Fault("driven", _at(part, pin), f"floats: nothing drives {net}")


def _pulls(board: Board, net: str) -> Iterator[tuple[Part, str]]:
    """Resistors from a net to a supply or ground."""
    return ((part, far) for part, far in resistors(board, net) if far in board.supplies)


@rule
def supplied(board: Board) -> Iterator[Fault]:
    """A supply pin is on a supply that something feeds, within the volts that it bears."""
    fed = {net for _, pin, net in _all(board) if pin.kind in ("src", "pio")} | {"GND"}
    while more := {
        net
        for part in board.parts.values()
        for pair in part.conducts
        for net in map(part.net, pair)
        if net and net not in fed and any(other in fed for other in map(part.net, pair))
    }:
        fed |= more
    for part, pin, net in _all(board):
        if pin.kind not in ("sup", "src", "pio"):
            continue
        if net not in board.supplies:
            yield Fault("supplied", _at(part, pin), f"{net} is no supply")
            continue
        (low, high), (least, most) = board.supplies[net], volts(pin.options["range"])
        if pin.kind == "src" and not low <= least <= most <= high:
            yield Fault("supplied", _at(part, pin), f"gives {least} to {most} V, {net} is {low} to {high} V")
        elif pin.kind != "src" and not least <= low <= high <= most:
            yield Fault("supplied", _at(part, pin), f"bears {least} to {most} V, {net} has {low} to {high} V")
        if net not in fed:
            yield Fault("supplied", _at(part, pin), f"nothing feeds {net}")


@rule
def levels(board: Board) -> Iterator[Fault]:
    """No input sees more than it bears: from an output, a pull-up or a strap."""
    for net, pins in board.nets.items():
        if net == "GND":
            continue
        high = board.supplies[net][1] if net in board.supplies else 0.0
        for part, pin in pins:
            if pin.kind in ("out", "io", "od") and (level := _domain(board, part, pin)):
                high = max(high, level if pin.kind != "od" or "pull" in pin.options else 0.0)
        high = max(high, _divided(board, net))
        for part, pin in pins:
            if pin.kind not in ("in", "io", "od", "out"):
                continue
            bears = float(pin.options["max"]) if "max" in pin.options else _domain(board, part, pin) + _MARGIN_V
            if "max" not in pin.options and "dom" not in pin.options:
                continue
            if high > bears + 1e-9:
                yield Fault("levels", _at(part, pin), f"bears {bears:.1f} V, {net} goes to {high:.1f} V")


def _divided(board: Board, net: str) -> float:
    """Volts at most to which its resistors bring a net that nobody drives."""
    pulls = [(part.value, board.supplies[far][1]) for part, far in _pulls(board, net)]
    return sum(v / r for r, v in pulls) / sum(1 / r for r, _ in pulls) if pulls else 0.0


def _domain(board: Board, part: Part, pin: Pin) -> float:
    """Volts at most of the supply that sets a pin's levels; 0 when it names none."""
    net = part.net(pin.options.get("dom", ""))
    return board.supplies[net][1] if net in board.supplies else 0.0


@rule
def decoupled(board: Board) -> Iterator[Fault]:
    """Each capacitor that a pin wants stands there for that pin, from it to ground or to the pin it names."""
    served: dict[tuple[str, str], list[Part]] = {}
    for part in board.parts.values():
        if part.serves:
            ref, _, name = part.serves.partition(".")
            served.setdefault((ref, name), []).append(part)
    for part in board.parts.values():
        for pin in part.pins:
            here = served.pop((part.ref, pin.name), [])
            wants, _, far = pin.options.get("cap", "").partition("@")
            for want in filter(None, wants.split("+")):
                ends = {part.nets.get(pin.number), part.net(far) if far else "GND"}
                fit = [c for c in here if set(c.nets.values()) == ends and c.value >= quantity(want) * 0.999]
                if not fit:
                    yield Fault("decoupled", _at(part, pin), f"lacks {want}F to {far or 'GND'}")
                    continue
                here.remove(min(fit, key=lambda c: c.value))
            for spare in here:
                yield Fault("decoupled", spare.ref, f"does not serve {part.ref} {pin.name}: that has all it wants")
    for ref, name in served:
        yield Fault("decoupled", f"{ref} {name}", "is served by a capacitor, and is not there")


@rule
def pulled(board: Board) -> Iterator[Fault]:
    """The resistors that pins want are there; open-drain lines that are read have one; as have lines that nobody drives."""
    for part, pin, net in _all(board):
        supply = part.net(pin.options.get("dom", ""))
        values = [r.value for r, far in resistors(board, net) if far == supply]
        if "up" in pin.options and not any(v <= quantity(pin.options["up"]) * 1.001 for v in values):
            yield Fault("pulled", _at(part, pin), f"wants {pin.options['up']} or less to {supply}")
    for net, pins in board.nets.items():
        held = any("pull" in pin.options for _, pin in pins) or any(far != "GND" for _, far in _pulls(board, net))
        drains = [pin for _, pin in pins if pin.kind == "od"]
        heard = [pin for _, pin in pins if pin.kind in ("in", "io")]
        if drains and heard and not held:
            yield Fault("pulled", net, "open drain without a pull-up")
        if net in board.pulled and not any(far != "GND" for _, far in _pulls(board, net)):
            yield Fault("pulled", net, "is read while nobody drives it, and has no pull-up")


@rule
def partners(board: Board) -> Iterator[Fault]:
    """Pins that belong together are together: card contacts and interface chip, expander and display."""
    nets = board.nets
    for part, pin, net in _all(board):
        want = pin.options.get("with")
        if want and not any(q.name == want and p is not part for p, q in nets[net]):
            yield Fault("partners", _at(part, pin), f"is on {net}, where there is no {want}")


@rule
def mapped(board: Board) -> Iterator[Fault]:
    """Pin map and sheets say the same: each row has its port, each port its row, and the firmware's name is that port's."""
    for wire in board.lost:
        yield Fault("mapped", f"{wire.place} {wire.pin}", f"no sheet has a {wire.part} {wire.at}")
    for instance, port in board.unwired:
        yield Fault("mapped", f"{instance} {port}", "no row of the pin map leads there")
    for wire, net, instance, port in board.wires:
        want = board.firmware.get((instance, port))
        if want and wire.to and wire.to.lower() != want.lower() and wire.to.rpartition(".")[2].lower() != want:
            yield Fault(
                "mapped", f"{wire.place} {net}", f"the firmware calls it {wire.to}, {instance} {port} is {want}"
            )
        if wire.to.startswith("SLOTS.") and wire.to.split(".")[1] != instance.split()[-1]:
            yield Fault("mapped", f"{wire.place} {net}", f"{wire.to} leads to {instance}")


@rule
def able(board: Board) -> Iterator[Fault]:
    """An RP2040 or RP2350 pin can do what is asked of it. [SPEC RP2040 datasheet §1.4.3: I2C, §4.9: ADC, §4.5.2: PWM slices]"""
    if board.family != "rp2":
        return
    pwm: dict[int, str] = {}
    for wire, net, _, _ in board.wires:
        if not wire.pin.startswith("GP") or not wire.to:
            continue
        gpio = int(wire.pin[2:])
        if wire.to in ("I2C.sda", "I2C.scl"):
            bus = board.pin_map.constants["I2C.id"]["value"]
            if gpio % 4 != 2 * bus + (wire.to == "I2C.scl"):
                yield Fault("able", net, f"{wire.pin} is not {wire.to[4:].upper()} of I2C{bus}")
        if wire.to == "BATTERY_ADC" and gpio not in (26, 27, 28):
            yield Fault("able", net, f"{wire.pin} has no ADC")
        if wire.to.endswith(".clk") or wire.to == "BUZZER":
            other = pwm.setdefault(gpio >> 1 & 7, net)
            if other != net:
                yield Fault("able", net, f"{wire.pin} shares its PWM slice with {other}")
