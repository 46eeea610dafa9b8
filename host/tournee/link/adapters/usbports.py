"""Which serial ports of this machine belong to one USB board, and which of them carries the link.

A terminal may have two: MicroPython's REPL, and the firmware's own, whose interface is called `Tournee` (firmware/tournee_fw/hal/cdc.py).
Linux tells the names of interfaces; where a system does not, the second of two is taken for the link [IMPL pyserial list_ports: high].
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LINK_NAME = "Tournee"
MICROPYTHON = {(0x2E8A, 0x0005), (0xF055, 0x9800), (0xF055, 0x9801), (0xF055, 0x9802), (0x1209, 0xADDA)}
"""USB vendor and product of MicroPython's serial port: rp2, stm32 (pyboard) [IMPL ports/rp2, ports/stm32: high], shared id."""


@dataclass(frozen=True)
class SerialPort:
    """`what` is the system's description; `usb` (vendor, product), None for a port that is not USB's."""

    device: str
    what: str
    serial: str
    usb: tuple[int, int] | None
    _interface: str | None = field(default=None, repr=False)
    _order: tuple[int, str] = field(default=(0, ""), repr=False)


@dataclass(frozen=True)
class Board:
    """Ports of one board. `link` is empty where it has one port for both."""

    port: SerialPort
    link: str = ""

    @property
    def terminal(self) -> str:
        """Where a host speaks to the terminal."""
        return self.link or self.port.device


def serial_ports() -> list[SerialPort]:
    """All there are, by name."""
    from serial.tools import list_ports

    found = []
    for p in list_ports.comports():
        number = re.search(r":(?:x|\d+)\.(\d+)$", getattr(p, "location", None) or "")
        order = (int(number[1]) if number else 0, p.device)
        usb = (p.vid, p.pid) if p.vid is not None and p.pid is not None else None
        what = p.description if p.description and p.description != "n/a" else "serial port"
        found.append(SerialPort(p.device, what, p.serial_number or "", usb, getattr(p, "interface", None), order))
    return sorted(found, key=lambda port: port.device)


def boards(ports: list[SerialPort] | None = None) -> list[Board]:
    """Those that run MicroPython, by the name of their first port."""
    groups: dict[object, list[SerialPort]] = {}
    for port in serial_ports() if ports is None else ports:
        if port.usb in MICROPYTHON:
            groups.setdefault((port.usb, port.serial) if port.serial else port.device, []).append(port)
    found = []
    for group in groups.values():
        group.sort(key=lambda port: port._order)
        link = next((p for p in group if p._interface == LINK_NAME), None)
        if link is None and len(group) == 2 and not any(p._interface for p in group):
            link = group[1]
        rest = [p for p in group if p is not link]
        if not rest:  # the system has made one of two ports so far
            continue
        found.append(Board(rest[0], link.device if link else ""))
    return found
