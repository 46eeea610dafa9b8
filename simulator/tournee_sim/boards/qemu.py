"""The board `qemu`: our firmware, frozen in an image for a Cortex-M3, run by QEMU's mps2-an385 model.

`firmware/build.py --board MPS2_AN385` makes the image. UART 0 is the REPL until the firmware was started over it, then the link; 1 and 2
are the card lines, 3 the I/O bus, 4 the CCID line. The same sockets as the board `unix` stand around it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tournee_sim.boards.process import BoardError, FirmwareProcess, find_firmware

IMAGE_VARIABLE: Final = "TOURNEE_QEMU_IMAGE"
BOARD: Final = "MPS2_AN385"
QEMU: Final = "qemu-system-arm"
BUILD: Final = f"python firmware/build.py --board {BOARD}"
RAM_DISK: Final = 0x21000000
"""Where an image without frozen firmware looks for its file system; `littlefs.img` beside the image is put there."""
RAM: Final = ((0x00000000, 0x400000), (0x20000000, 0x400000), (RAM_DISK, 0x100000))
"""Base and bytes of what can hold data: program, heap and stack; SSRAM 2 and 3; the RAM disk."""
ENDED: Final = b"\r\n*** terminal ended\r\n"
_PROMPT: Final = b">>> "
_RAW_REPL: Final = b"raw REPL; CTRL-B to exit\r\n>"
_TAIL: Final = 4096


def find_qemu() -> str:
    """Path of QEMU; raises BoardError."""
    if found := shutil.which(QEMU):
        return found
    raise BoardError(f"no {QEMU}: apt install qemu-system-arm")


def find_image() -> Path:
    """Path of the image, not older than the firmware's files; raises BoardError."""
    if given := os.environ.get(IMAGE_VARIABLE):
        if Path(given).is_file():
            return Path(given)
        raise BoardError(f"{IMAGE_VARIABLE} names no file: {given}")
    package = find_firmware()
    image = package.parent.parent / ".tools" / "firmware" / BOARD / "firmware.elf"
    if not image.is_file():
        raise BoardError(f"no image of {BOARD}: {BUILD} (in a checkout), or set {IMAGE_VARIABLE}")
    built = image.with_name("build.json").stat().st_mtime
    if any(path.stat().st_mtime > built for path in package.rglob("*.py")):
        raise BoardError(f"the image of {BOARD} is older than the firmware's files: {BUILD}")
    return image


def uart_sockets(board: str, arguments: Mapping[str, str]) -> list[str]:
    """Paths of what stands behind UART 0 (once the firmware runs) to 3, and 4 when there is a reader; raises BoardError."""
    if "link" not in arguments:
        raise BoardError(f"the board {board} has no radio: use --link tcp or pty (tournee demo: serial or tcp)")
    keys = ("link", "slot0", "slot1", "iobus", "ccid")
    return [arguments[key].removeprefix("unix:") for key in keys if key in arguments]


def start_line(arguments: Mapping[str, str]) -> str:
    """What the REPL is told."""
    names = [arguments[key] for key in ("name", "reader") if key in arguments]
    return f"import terminal; terminal.start({', '.join(map(repr, names))})"


class QemuProcess(FirmwareProcess):
    """QEMU instead of MicroPython's unix port; ready once the firmware has the link."""

    def __init__(self, log: Path) -> None:
        super().__init__(log, heap="")
        self._servers: list[asyncio.Server] = []
        self._pump: asyncio.Task[None] | None = None
        self._monitor: asyncio.StreamWriter | None = None
        self._replies: asyncio.Queue[bytes] = asyncio.Queue()

    async def memory(self) -> bytes:
        """All RAM of the machine as it is now, what programs and disk hold included; raises BoardError when it is off."""
        if self._monitor is None or not self.running:
            raise BoardError("the machine is off")
        found = b""
        with tempfile.TemporaryDirectory(prefix="tm") as folder:
            path = Path(folder, "ram")
            for base, size in RAM:
                arguments = {"val": base, "size": size, "filename": str(path)}
                while not self._replies.empty():
                    self._replies.get_nowait()
                self._monitor.write(json.dumps({"execute": "pmemsave", "arguments": arguments}).encode() + b"\n")
                reply = json.loads(await asyncio.wait_for(self._replies.get(), 20))
                if "error" in reply:
                    raise BoardError(f"QEMU does not give its memory: {reply['error'].get('desc')}")
                found += await asyncio.to_thread(path.read_bytes)
        return found

    async def _spawn(self, arguments: Mapping[str, str]) -> asyncio.subprocess.Process:
        link, *others = uart_sockets("qemu", arguments)
        qemu, image = find_qemu(), find_image()
        console, monitor = (Path(link).with_name(name) for name in ("uart0", "qmp"))
        start = start_line(arguments)
        loop = asyncio.get_running_loop()
        control: asyncio.Future[asyncio.StreamWriter] = loop.create_future()

        async def wired(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._pump = asyncio.current_task()
            await self._run(reader, writer, control, start, link)

        async def monitored(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._monitor = writer
            control.set_result(writer)
            with contextlib.suppress(ConnectionError):
                while line := await reader.readline():
                    if b'"return"' in line or b'"error"' in line:
                        self._replies.put_nowait(line)
            writer.close()

        self._servers = [
            await asyncio.start_unix_server(wired, console),
            await asyncio.start_unix_server(monitored, monitor),
        ]
        command = [qemu, "-machine", "mps2-an385", "-nodefaults", "-display", "none", "-monitor", "none"]
        command += ["-semihosting-config", "enable=on,target=native", "-kernel", str(image)]
        command += ["-qmp", f"unix:{monitor}"]
        disk = image.with_name("littlefs.img")
        if disk.is_file():
            command += ["-device", f"loader,file={disk},addr=0x{RAM_DISK:08X},force-raw=on"]
        for path in (str(console), *others):
            command += ["-serial", f"unix:{path}"]
        return await self._execute(command, {"PATH": os.environ.get("PATH", "")})

    async def _kill(self) -> bool:
        ran = await super()._kill()
        if self._pump:
            self._pump.cancel()
            self._pump = None
        for server in self._servers:
            server.close()
        self._servers = []
        return ran

    async def _run(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        control: asyncio.Future[asyncio.StreamWriter] | None,
        start: str,
        link: str,
    ) -> None:
        """Start the firmware over the raw REPL, then join UART and link; the link is closed when the emulator ends."""
        try:
            await reader.readuntil(_PROMPT)
            writer.write(b"\x01")
            if control:
                # QEMU 7.2 looks at the socket of a UART that was just enabled only when something else has woken it.
                (await control).write(b'{"execute": "qmp_capabilities"}\n')
            await reader.readuntil(_RAW_REPL)
            writer.write(start.encode() + b"\x04")
            await reader.readuntil(b"OK")
            to_link, from_link = await asyncio.open_unix_connection(link)
        except (ConnectionError, asyncio.IncompleteReadError) as exc:
            self._note(f"no firmware on UART 0: {exc!r}")
            return
        back = asyncio.get_running_loop().create_task(copy(to_link, writer))
        try:
            tail = await copy(reader, from_link)
            self._note(tail.partition(ENDED)[2].decode("utf-8", "replace"))
        finally:
            back.cancel()
            from_link.close()
            writer.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Until the end of `reader`; gives the end of what was copied."""
    tail = b""
    try:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
            tail = (tail + data)[-_TAIL:]
    except ConnectionError:
        pass
    return tail
