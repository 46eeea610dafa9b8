"""The board `renode`: the image of the board `qemu` in Renode, by `simulator/renode/tournee.resc`.

Renode is in no package registry: it comes from its project's releases, and is found on PATH. It listens on the ports
of its UARTs on all interfaces (`SocketServerProvider`), each for the first who comes, which is this simulator.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tournee_sim.boards.process import BoardError
from tournee_sim.boards.qemu import RAM_DISK, QemuProcess, copy, find_image, start_line, uart_sockets

RENODE: Final = "renode"
SCRIPTS: Final = Path(__file__).resolve().parents[2] / "renode"
UARTS: Final = 5
_LOOPBACK: Final = "127.0.0.1"
_AGAIN_S: Final = 0.1


def find_renode() -> str:
    """Path of Renode; raises BoardError."""
    if found := shutil.which(RENODE):
        return found
    raise BoardError(
        "no renode: install it from its project's releases (it is in no package registry), or use --board qemu"
    )


def find_script() -> Path:
    """Path of `tournee.resc`; raises BoardError."""
    script = SCRIPTS / "tournee.resc"
    if not script.is_file():
        raise BoardError("simulator/renode is not part of this installation: run it in a checkout")
    return script


class RenodeProcess(QemuProcess):
    """Renode instead of QEMU; ready once the firmware has the link."""

    async def _spawn(self, arguments: Mapping[str, str]) -> asyncio.subprocess.Process:
        sockets = uart_sockets("renode", arguments)
        renode, script, image = find_renode(), find_script(), find_image()
        ports = free_ports(UARTS)
        monitor = [f"$uart{number}={port}" for number, port in enumerate(ports)]
        monitor += [f"$elf=@{image}", f"include @{script}"]
        disk = image.with_name("littlefs.img")
        if disk.is_file():
            monitor.append(f"sysbus LoadBinary @{disk} 0x{RAM_DISK:08X}")
        command = [renode, "--disable-xwt", "--plain", "-e", "; ".join([*monitor, "start"])]
        home = os.environ.get("HOME", "")  # where it keeps its configuration
        process = await self._execute(command, {"PATH": os.environ.get("PATH", ""), "HOME": home})
        self._pump = asyncio.get_running_loop().create_task(self._join(ports, sockets, start_line(arguments)))
        return process

    async def _join(self, ports: list[int], sockets: list[str], start: str) -> None:
        """Each port with the socket of its UART; UART 0 first speaks as the REPL."""
        lines = await asyncio.gather(*(_connected(port) for port in ports))
        async with asyncio.TaskGroup() as group:
            for line, path in zip(lines[1:], sockets[1:], strict=False):
                group.create_task(_joined(*line, path))
            group.create_task(self._run(*lines[0], None, start, sockets[0]))


def free_ports(count: int) -> list[int]:
    """TCP ports that are free now."""
    with ExitStack() as stack:
        found = [stack.enter_context(socket.create_server((_LOOPBACK, 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in found]


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """As soon as somebody listens; the caller gives up when the process ends."""
    while True:
        try:
            return await asyncio.open_connection(_LOOPBACK, port)
        except ConnectionError:
            await asyncio.sleep(_AGAIN_S)


async def _joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
    """Copy both ways until one side ends."""
    back_reader, back_writer = await asyncio.open_unix_connection(path)
    back = asyncio.get_running_loop().create_task(copy(back_reader, writer))
    try:
        await copy(reader, back_writer)
    finally:
        back.cancel()
        back_writer.close()
        writer.close()
