"""What may be a terminal around this computer; each kind that cannot be looked for says why."""

from __future__ import annotations

from typing import TypedDict
from urllib.parse import quote

from tournee.errors import TourneeError


class Row(TypedDict):
    url: str
    what: str


async def scan(timeout_s: float, hci: str | None = None) -> tuple[list[Row], list[str]]:
    """Found terminals, and notes on what could not be searched."""
    rows, notes = _serial(), []
    for look in (_radio(timeout_s, hci), _pcsc()):
        try:
            rows += await look
        except TourneeError as exc:
            notes.append(f"{exc.what} {exc.remedy}")
    return rows, notes


def _serial() -> list[Row]:
    """A board with a port for the link and one for the REPL is one terminal."""
    from tournee.link.adapters import usbports

    ports = usbports.serial_ports()
    repls = {board.port.device for board in usbports.boards(ports) if board.link}
    return [Row(url=f"serial:{p.device}", what=p.what) for p in ports if p.device not in repls]


async def _radio(timeout_s: float, hci: str | None) -> list[Row]:
    from tournee.link.adapters import ble

    found = await ble.scan(timeout_s=timeout_s, hci=hci)
    option = f"?hci={hci}" if hci else ""
    return [Row(url=f"ble:{quote(d.name or d.address)}{option}", what=f"{d.address}, {d.rssi_dbm} dBm") for d in found]


async def _pcsc() -> list[Row]:
    from tournee.cards.adapters.pcsc import PcscReader
    from tournee.link.url import parse

    reader = await PcscReader.open(parse("pcsc:"))
    return [Row(url=f"pcsc:{quote(name)}", what="PC/SC reader") for name in reader.names]
