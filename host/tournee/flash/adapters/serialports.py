"""Which serial ports may be boards, by what USB says of them."""

from __future__ import annotations

from dataclasses import dataclass

from tournee.flash.errors import InBootloader, NoPort, SeveralPorts

_MICROPYTHON = {(0x2E8A, 0x0005), (0xF055, 0x9800), (0xF055, 0x9801), (0xF055, 0x9802), (0x1209, 0xADDA)}
"""USB vendor and product of MicroPython's serial port: rp2, stm32 (pyboard) [IMPL ports/rp2, ports/stm32: high], shared id."""
_BOOTLOADER = {(0x2E8A, 0x0003), (0x2E8A, 0x000F)}
"""RP2040's and RP2350's boot ROM [SPEC Raspberry Pi USB id list: high]; they have a drive and no port."""


@dataclass(frozen=True)
class Port:
    """`device` is what to open; `serial` the USB serial number, which survives a reset."""

    device: str
    serial: str


def found() -> list[Port]:
    """Ports of boards that run MicroPython."""
    from serial.tools import list_ports

    return [Port(p.device, p.serial_number or "") for p in list_ports.comports() if (p.vid, p.pid) in _MICROPYTHON]


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
