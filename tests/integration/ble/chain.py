"""The whole radio chain for a test: hub, radio host, real MicroPython with the firmware's BLE transport, host transport."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tournee.link.adapters import transport
from tournee.link.adapters.ble import BleTransport
from tournee_sim.radio import SHIM_DIR
from tournee_sim.radio.air import AirConfig
from tournee_sim.radio.host import RadioHost
from tournee_sim.radio.hub import AirHub

NAME = "Tournee-0001"
_PEER = Path(__file__).with_name("peer.py")
_FIRMWARE = Path(__file__).resolve().parents[3] / "firmware"
_PATIENCE_S = 60


def pattern(size: int) -> bytes:
    """What the peer's `source` sends."""
    return bytes((i * 7 + (i >> 8)) & 0xFF for i in range(size))


class Peer:
    """The MicroPython process; its stdout says `advertising`, `connected`, `idle`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._reader = asyncio.create_task(self._read())

    async def says(self, word: str) -> None:
        """Waits for the next `word`; what it says before is passed over."""
        async with asyncio.timeout(_PATIENCE_S):
            while (line := await self._lines.get()) != word:
                assert line != "", "the peer ended"

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        await self._reader

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self._lines.put_nowait(line.decode().strip())
        self._lines.put_nowait("")


@dataclass
class Chain:
    hub: AirHub
    radio: RadioHost
    hci: str
    mtu: int

    def transport(self, target: str = NAME, timeout_s: float = 5) -> BleTransport:
        made = transport(f"ble:{target}?hci={self.hci}&timeout_s={timeout_s}")
        assert isinstance(made, BleTransport)
        return made

    @contextlib.asynccontextmanager
    async def firmware(self, mode: str = "echo") -> AsyncIterator[Peer]:
        micropython = shutil.which("micropython") or str(Path(sys.executable).with_name("micropython"))
        arguments = [str(_PEER), str(self.radio.socket_path), NAME, str(self.mtu), mode]
        process = await asyncio.create_subprocess_exec(
            micropython,
            *("-X", "heapsize=320k"),
            *arguments,
            env=dict(os.environ, MICROPYPATH=f"{SHIM_DIR}:{_FIRMWARE}:.frozen"),
            stdout=asyncio.subprocess.PIPE,
        )
        peer = Peer(process)
        try:
            await peer.says("advertising")
            yield peer
        finally:
            await peer.kill()

    @contextlib.asynccontextmanager
    async def link(self) -> AsyncIterator[BleTransport]:
        made = self.transport()
        await made.open()
        try:
            yield made
        finally:
            await made.close()


@contextlib.asynccontextmanager
async def chain(config: AirConfig | None = None, *, mtu: int = 247) -> AsyncIterator[Chain]:
    with tempfile.TemporaryDirectory(prefix="tble-") as folder:  # a socket's path may not pass 107 bytes
        async with AirHub(config) as hub:
            (hci,) = await hub.listen("tcp:127.0.0.1:0")
            async with RadioHost(Path(folder) / "ble", hci) as radio:
                yield Chain(hub, radio, hci, mtu)


async def receive(link: BleTransport, size: int) -> bytes:
    """Exactly `size` bytes."""
    got = b""
    async with asyncio.timeout(_PATIENCE_S):
        while len(got) < size:
            got += await link.read()
    assert len(got) == size
    return got
