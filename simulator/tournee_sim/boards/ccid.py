"""The terminal's serial CCID line: from the board's socket to a pty that stock `pcscd` opens, and the configuration it needs."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tournee_sim.boards.link import PtyPort

READERS: Final = ("SEC1210", "GemPCTwin", "GemPCPinPad")
"""Names by which libccid chooses the line's flavour: two slots without echo; one slot with echo; the same with a keypad."""
DRIVER: Final = Path("/usr/lib/pcsc/drivers/serial/libccidtwin.so")
SOCKET: Final = "pcscd.comm"
_FRIENDLY: Final = "Tournee SIMULATION"


def namespace(run: Path) -> str:
    """Shell words that give a mount namespace a /run of its own, with `run` as its folder of pcscd."""
    return f"mount -t tmpfs tmpfs /run && mkdir /run/pcscd && mount --bind {run} /run/pcscd"


@dataclass(frozen=True)
class ReaderConfig:
    """What pcscd reads about one serial reader."""

    device: Path
    reader: str

    @property
    def lines(self) -> tuple[str, str]:
        """The two lines that say where the reader is and who drives it."""
        return f"DEVICENAME {self.device}:{self.reader}", f"LIBPATH {DRIVER}"

    @property
    def folder(self) -> Path:
        """For `pcscd -c`: holds this reader alone."""
        return self.device.with_name("reader.conf.d")

    @property
    def run(self) -> Path:
        """What that pcscd has as its folder below /run: its socket is seen from outside here."""
        return self.device.with_name("pcscd")

    @property
    def commands(self) -> tuple[str, str]:
        """A pcscd of one's own in a mount namespace (no root; the system's pcscd is neither stopped nor seen), and a client of it."""
        script = f"{namespace(self.run)} && exec pcscd --foreground -c {self.folder}"
        client = f"PCSCLITE_CSOCK_NAME={self.run / SOCKET} pcsc_scan -n"
        return f"unshare --map-root-user --mount sh -c '{script}'", client

    def write(self) -> None:
        """The whole configuration into `folder`."""
        for folder in (self.folder, self.run):
            folder.mkdir(parents=True, exist_ok=True)
        text = f'FRIENDLYNAME "{_FRIENDLY}"\n' + "\n".join(self.lines) + "\n"
        (self.folder / "tournee").write_text(text, "utf-8")


class CcidBridge:
    """Board's socket on one side, a pty on the other; what comes while the board is off is lost."""

    def __init__(self, name: Path, reader: str) -> None:
        """`name`: path of the link to the pty; `reader`: one of READERS."""
        if reader not in READERS:
            raise ValueError(f"no reader {reader!r}; there are {', '.join(READERS)}")
        self.config = ReaderConfig(name, reader)
        self.connected = asyncio.Event()
        self._port = PtyPort(name)
        self._server: asyncio.Server | None = None
        self._board: asyncio.StreamWriter | None = None

    async def start(self, directory: Path) -> dict[str, str]:
        """Listen for the board; gives its arguments."""
        await self._port.start(self._from_host)
        self.config.write()
        path = directory / "ccid"
        self._server = await asyncio.start_unix_server(self._serve, path)
        return {"ccid": f"unix:{path}", "reader": self.config.reader}

    async def close(self) -> None:
        if self._server:
            self._server.close()
        if self._board:
            self._board.close()
        await self._port.close()
        (self.config.folder / "tournee").unlink(missing_ok=True)

    def _from_host(self, data: bytes) -> None:
        if self._board and not self._board.is_closing():
            self._board.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._board = writer
        self.connected.set()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while data := await reader.read(4096):
                self._port.send(data)
        if self._board is writer:
            self._board = None
            self.connected.clear()
        writer.close()
