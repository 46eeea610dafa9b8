"""A bleak backend over HCI: the Bluetooth stack is Bumble, the radio any HCI controller (a simulated one or a USB dongle).

`backend("tcp:127.0.0.1:9811")` gives the classes that `BleakClient(..., backend=…)` and `BleakScanner(..., backend=…)` take.
A driver of its own: it knows neither the host package nor the simulator. Importing it loads neither bleak nor Bumble.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bleak.backends.adapter import BaseBleakAdapter
    from bleak.backends.client import BaseBleakClient
    from bleak.backends.scanner import BaseBleakScanner

_bumble = logging.getLogger("bumble")
if _bumble.level == logging.NOTSET:  # its warnings go to whoever sets a level, not to a person's console
    _bumble.setLevel(logging.CRITICAL)


class Backend(NamedTuple):
    """Classes bound to one controller; the HCI connection is open while a scan runs or a client is connected."""

    client: type[BaseBleakClient]
    scanner: type[BaseBleakScanner]
    adapter: type[BaseBleakAdapter]


@functools.lru_cache(maxsize=16)
def backend(hci_url: str) -> Backend:
    """`tcp:HOST:PORT`, `unix:PATH`, `usb:0`, `serial:/dev/ttyUSB0,1000000` or any Bumble transport; the same classes for the same URL."""
    from tournee_bleak_hci.adapter import HciAdapter
    from tournee_bleak_hci.client import HciClient
    from tournee_bleak_hci.radio import Radio
    from tournee_bleak_hci.scanner import HciScanner

    radio = Radio(hci_url)
    scanner = type("HciScannerBound", (HciScanner,), {"__module__": __name__, "radio": radio})
    return Backend(
        client=type("HciClientBound", (HciClient,), {"__module__": __name__, "radio": radio, "scanner_type": scanner}),
        scanner=scanner,
        adapter=type("HciAdapterBound", (HciAdapter,), {"__module__": __name__, "radio": radio}),
    )
