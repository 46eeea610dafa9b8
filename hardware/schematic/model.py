"""Parts, pins and nets of a board, expanded from the texts. Shapes: docs at the head of `library.toml` and `sheets.toml`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hardware import pinmap

HERE = Path(__file__).resolve().parent
KINDS = ("in", "out", "io", "od", "sup", "src", "pio", "gnd", "pas", "nc")
OPTIONS = ("dom", "range", "max", "cap", "up", "pull", "with", "open")
_SCALES = {"p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6}


class DesignError(Exception):
    """A text that cannot be read as a schematic: the file, the place, and why."""


class _Table(dict[str, Any]):
    """A table of a text: what it lacks is told with its place."""

    place = ""

    def __missing__(self, key: str) -> Any:
        raise DesignError(f"{self.place} lacks {key}")


def _placed(place: str, value: Any) -> Any:
    match value:
        case dict():
            made = _Table((key, _placed(f"{place}, {key}", of)) for key, of in value.items())
            made.place = place
            return made
        case list():
            return [_placed(place, of) for of in value]
    return value


def quantity(text: str) -> float:
    """4k7, 100n, 10u, 330: ohms or farads. Raises DesignError."""
    for letter, scale in _SCALES.items():
        if letter in text:
            whole, _, rest = text.partition(letter)
            if whole.isdecimal() and (rest.isdecimal() or not rest):
                return float(f"{whole}.{rest or 0}") * scale
    if not text.isdecimal():
        raise DesignError(f"{text} is no value like 4k7, 100n or 330")
    return float(text)


def volts(text: str) -> tuple[float, float]:
    """ "2.7..5.5" → (2.7, 5.5). Raises DesignError."""
    low, _, high = text.partition("..")
    try:
        return float(low), float(high)
    except ValueError:
        raise DesignError(f"{text} is no range of volts like 2.7..5.5") from None


@dataclass(frozen=True)
class Pin:
    number: str
    name: str
    kind: str
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Pin:
        if len(words := text.split()) < 3:
            raise DesignError(f"pin {text}: number, name and kind are wanted")
        number, name, kind, *rest = words
        options = {key: value for key, _, value in (word.partition("=") for word in rest)}
        if kind not in KINDS or (strange := set(options) - set(OPTIONS)):
            raise DesignError(f"pin {text}: {kind if kind not in KINDS else ', '.join(strange)} is not known")
        return cls(number, name, kind, options)

    @property
    def may_be_open(self) -> bool:
        return "open" in self.options or self.kind == "nc"


@dataclass
class Part:
    """`nets` by pin number; a pin that is not in it is open. `serves` is the pin that a capacitor stands beside."""

    ref: str
    type: str
    bom: str
    pins: tuple[Pin, ...]
    sheet: str
    nets: dict[str, str] = field(default_factory=dict)
    conducts: tuple[tuple[str, str], ...] = ()
    value: float = 0.0  # of R (ohm) and C (farad)
    serves: str = ""

    def net(self, name: str) -> str | None:
        """Of the first pin of that name."""
        return next((self.nets.get(p.number) for p in self.pins if p.name == name), None)


@dataclass
class Board:
    name: str
    title: str
    family: str
    parts: dict[str, Part]
    supplies: dict[str, tuple[float, float]]
    pin_map: pinmap.PinMap
    wires: list[tuple[pinmap.Wire, str, str, str]]  # with the net, the sheet's instance and its port
    unwired: list[tuple[str, str]]  # instance, port
    lost: list[pinmap.Wire]  # rows of the pin map that no sheet has a port for
    pulled: set[str]  # nets that are read while nobody drives them
    firmware: dict[tuple[str, str], str]  # (instance, port) → what pins.py calls it

    @property
    def nets(self) -> dict[str, list[tuple[Part, Pin]]]:
        """Every net with its pins, in order of reference and number."""
        found: dict[str, list[tuple[Part, Pin]]] = {}
        for part in self.parts.values():
            for pin in part.pins:
                if net := part.nets.get(pin.number):
                    found.setdefault(net, []).append((part, pin))
        return found


@dataclass(frozen=True)
class Texts:
    """The sources, parsed: tests plant their faults here."""

    library: dict[str, Any]
    sheets: dict[str, Any]
    pin_maps: dict[str, pinmap.PinMap]

    @classmethod
    def read(cls) -> Texts:
        """Raises MapError or DesignError."""
        library, sheets = (_placed(f"{n}.toml", pinmap.toml(HERE / f"{n}.toml")) for n in ("library", "sheets"))
        maps = {name: pinmap.load(pinmap.HERE / "pins" / f"{name}.toml") for name in sheets["boards"]}
        return cls(library, sheets, maps)


def board(texts: Texts, name: str) -> Board:
    """One board with all its sheets. Raises DesignError."""
    pin_map = texts.pin_maps[name]
    mcu = texts.library["mcu"][name]
    made = Board(name, pin_map.title, mcu["family"], {}, {}, pin_map, [], [], [], set(), {})
    made.supplies = {net: volts(text) for net, text in texts.sheets["nets"].items()}
    controller = _controller(pin_map, mcu, made.supplies)
    made.parts[controller.ref] = controller
    instances = texts.sheets["boards"][name]["sheets"]
    ports: dict[tuple[str, str], str] = {}
    for wire in pin_map.wires:
        net = wire.pin if wire.pin in pinmap.SUPPLIES else _signal(wire)
        controller.nets[wire.place] = net
        homes = [i for i in _instances(wire.part) if i in instances and wire.at in _sheet(texts, instances[i])["ports"]]
        if not homes:
            made.lost.append(wire)
        for home in homes:
            ports[home, wire.at] = net
            made.wires.append((wire, net, home, wire.at))
    for instance, sheet_name in instances.items():
        sheet = _sheet(texts, sheet_name)
        number = int(instance.split()[-1]) if instance[-1].isdecimal() else 0
        names = {"n": str(number), "k": str(number + 1)}
        here = {port: ports[instance, port] for port in sheet["ports"] if (instance, port) in ports}
        for port in sheet["ports"]:
            if port in here:
                continue
            default = sheet.get("default", {}).get(port, "")
            if default.removeprefix("@") in here:
                here[port] = here[default.removeprefix("@")]
            else:
                made.unwired.append((instance, port))
        made.pulled |= {here[p] for p in sheet.get("pulled", ()) if p in here}
        made.firmware |= {(instance, port): value for port, value in sheet.get("firmware", {}).items()}
        for line in sheet["parts"].strip().splitlines():
            try:
                named = line.format(**names)
            except (KeyError, ValueError, IndexError):
                raise DesignError(f"sheets.toml, {line}: only {{n}} and {{k}} stand for numbers") from None
            part = _part(texts, named, instance, names, {p.replace(" ", "_"): n for p, n in here.items()})
            if part.ref in made.parts:
                raise DesignError(f"{name}: {part.ref} stands twice")
            made.parts[part.ref] = part
    return made


def _sheet(texts: Texts, name: str) -> dict[str, Any]:
    found: dict[str, Any] = texts.sheets["sheet"][name]
    return found


def _instances(part: str) -> list[str]:
    """ "slot 0 and 1" → slot 0, slot 1."""
    head, _, rest = part.partition(" and ")
    return [head, f"{head.rsplit(' ', 1)[0]} {rest}"] if rest else [head]


def _signal(wire: pinmap.Wire) -> str:
    return (wire.to or f"{wire.part}.{wire.at}").replace(" ", "_")


def _controller(pin_map: pinmap.PinMap, mcu: dict[str, Any], supplies: dict[str, tuple[float, float]]) -> Part:
    """The board as a part: its pads from the pin map; every ground is joined, extra pads meet the net of their name."""
    pins, nets = [], {}
    for place, pad in pin_map.left + pin_map.right:
        kinds = [
            text for name, text in mcu["pads"].items() if pad == name or (name[-1] == "*" and pad.startswith(name[:-1]))
        ]
        if not kinds:
            raise DesignError(f"library.toml: mcu {pin_map.board} has no pad like {pad}")
        pins.append(Pin.parse(f"{place} {pin_map.shown(pad)} {kinds[0]}"))
        if pins[-1].kind == "gnd":
            nets[place] = "GND"
        elif pins[-1].kind in ("src", "pio") and pad in supplies:
            nets[place] = pad
    for text in mcu["extra"]:
        pins.append(Pin.parse(text))
        nets[pins[-1].number] = pins[-1].name
    return Part("A1", pin_map.board, mcu["bom"], tuple(pins), "board", nets)


def _part(texts: Texts, line: str, sheet: str, names: dict[str, str], ports: dict[str, str]) -> Part:
    if len(words := line.split()) < 2:
        raise DesignError(
            f"sheets.toml, {sheet}: {line or 'an empty line'} is no part: reference, kind and nets are wanted"
        )
    ref, kind, *rest = words

    def net(text: str) -> str | None:
        if text.startswith("@"):
            return ports.get(text[1:])  # None: the pin map has no such row, which is a fault of its own
        return text.replace("#", "_" + names["n"])

    if kind[0] in "RC" and kind[1:2].isdecimal():
        serves = "".join(word[4:] for word in rest if word.startswith("for="))
        two = [net(word) for word in rest if not word.startswith("for=")]
        if len(two) != 2:
            raise DesignError(f"sheets.toml, {line}: two nets are wanted")
        pins = (Pin("1", "1", "pas"), Pin("2", "2", "pas"))
        nets = {p.number: n for p, n in zip(pins, two, strict=True) if n}
        return Part(ref, kind, kind, pins, sheet, nets, value=quantity(kind[1:]), serves=serves)
    if kind not in texts.library:
        raise DesignError(f"sheets.toml, {line}: library.toml has no {kind}")
    row = texts.library[kind]
    part = Part(ref, kind, row["bom"], tuple(map(Pin.parse, row["pins"])), sheet)
    part.conducts = tuple((a, b) for a, b in row.get("conducts", ()))
    for word in rest:
        name, _, text = word.partition("=")
        numbers = [p.number for p in part.pins if p.name == name]
        if not numbers or (len(numbers) > 1 and not row.get("joined")):
            raise DesignError(f"sheets.toml, {ref}: {kind} has {'no' if not numbers else 'more than one'} pin {name}")
        if meets := net(text):
            part.nets |= dict.fromkeys(numbers, meets)
    return part
