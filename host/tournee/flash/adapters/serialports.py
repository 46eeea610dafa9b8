"""Which serial ports may be boards, by what USB says of them."""

from __future__ import annotations

from dataclasses import dataclass

from tournee.flash.errors import InBootloader, NoPort, SeveralPorts
from tournee.link.adapters import usbports


@dataclass(frozen=True)
class Port:
    """`device` is where the REPL is; `serial` the USB serial number, which survives a reset; `link` the terminal's own port, or empty."""

    device: str
    serial: str
    link: str = ""

    @property
    def terminal(self) -> str:
        """Where the terminal is spoken to."""
        return self.link or self.device


def found() -> list[Port]:
    """Boards that run MicroPython."""
    return [Port(b.port.device, b.port.serial, b.link) for b in usbports.boards()]


def named(device: str) -> Port:
    """The board one of whose ports has this name (or URL), else that port alone."""
    device = device.removeprefix("serial:")
    return next((p for p in found() if device in (p.device, p.link)), Port(device, ""))


def the_one() -> Port:
    """Raises NoPort, InBootloader, SeveralPorts."""
    ports = found()
    if not ports:
        raise InBootloader if _bootloader() else NoPort
    if len(ports) > 1:
        raise SeveralPorts(", ".join(p.device for p in ports))
    return ports[0]


def again(port: Port) -> Port | None:
    """Where a board that was reset stands now."""
    if not port.serial:
        return port
    return next((p for p in found() if p.serial == port.serial), None)


def _bootloader() -> bool:
    from tournee.flash.adapters.drives import found as drives

    return bool(drives())
