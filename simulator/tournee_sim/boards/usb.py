"""The USB of the board `stock`: the REPL's port and the firmware's own, on a cable into a virtual machine (`--link usb`)."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tournee_sim.boards.stock import StockPort
from tournee_sim.usb.device import Device
from tournee_sim.usb.redir import Redirection
from tournee_sim.usb.repl import ReplPort
from tournee_sim.usb.runtime import Runtime

SHIM = Path(__file__).parent.parent / "usb" / "mpy"


class UsbPort(StockPort):
    """In the place of a pseudo terminal for hosts: that one leads to `ReplPort`. `url` names the socket for QEMU's `usb-redir`."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path)
        unique = hashlib.sha256(name.encode()).hexdigest()[:16]
        self.environment = {"MICROPYPATH": f"{SHIM}:.frozen", "TOURNEE_UID": unique}
        self._repl = ReplPort(self.slave)
        self.device = Device(unique, self._repl)
        self.cable = Redirection(self.device)
        self._runtime = Runtime(self.device)

    async def start(self, folder: Path) -> dict[str, str]:
        """Listen for QEMU and for the firmware; gives the board's argument."""
        await self.cable.start(folder / "usbredir")
        await self._runtime.start(folder / "usb")
        self.url = f"usbredir:{folder / 'usbredir'}"
        return {"usb": f"unix:{folder / 'usb'}"}

    async def stop(self) -> None:
        await self._runtime.close()
        await self.cable.close()
        self._repl.close()
        self.close()
