"""The Unix board's `main.py` as a process: arguments, manifest hash, and its end when the board is gone."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
import subprocess
from pathlib import Path

import pytest

from tournee_protocol import iobus, link
from tournee_protocol.gen.vectors import frame
from tournee_sim.boards.unix import find_firmware, find_micropython
from tournee_sim.pytest_plugin import need

MAIN = ("boards", "UNIX", "main.py")


@pytest.fixture(scope="module")
def command() -> list[str]:
    need("micropython")
    return [find_micropython(), "-X", "heapsize=320k", str(find_firmware().joinpath(*MAIN))]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "missing slot0"),
        (["slot0=unix:/a"], "missing iobus"),
        (["colour=red"], "colour=red"),
        (["slot0=tcp:1"], "slot0=tcp:1"),
        (["name="], "name="),
        (["help"], "help"),
    ],
)
def test_bad_arguments_are_named_with_the_usage(command: list[str], arguments: list[str], said: str) -> None:
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert said in done.stderr and "usage: micropython" in done.stderr


def test_manifest_hash_is_that_of_the_files(command: list[str]) -> None:
    package = find_firmware()
    digest = hashlib.sha256()
    files = {p.relative_to(package).as_posix().encode(): p for p in package.rglob("*.py")}
    for path in sorted(files):
        data = files[path].read_bytes()
        digest.update(path + b"\0" + struct.pack(">L", len(data)) + data)
    code = f"import sys; sys.path.insert(0, {str(package.parent)!r}); from tournee_fw import buildinfo; "
    code += f"print(buildinfo.manifest({str(package)!r}))"
    done = subprocess.run(
        [command[0], "-X", "heapsize=320k", "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == digest.hexdigest()


class Sockets:
    """The simulator's ends of a board's lines, by hand: it answers bus commands and shows what was commanded."""

    def __init__(self, folder: Path) -> None:
        self.listeners = {}
        for name in ("slot0", "iobus", "link"):
            sock = socket.socket(socket.AF_UNIX)
            sock.bind(str(folder / name))
            sock.listen(1)
            self.listeners[name] = sock
        self.arguments = [f"{name}=unix:{folder / name}" for name in self.listeners]


async def _until_display(process: asyncio.subprocess.Process, sockets: Sockets) -> dict[str, socket.socket]:
    """Accepts both lines and answers the bus until the idle screen stands."""
    loop = asyncio.get_running_loop()
    lines = {}
    for name in ("iobus", "slot0"):
        sockets.listeners[name].setblocking(False)
        lines[name], _ = await asyncio.wait_for(loop.sock_accept(sockets.listeners[name]), 20)
        lines[name].setblocking(False)
    buffer = b""
    shown: dict[int, str] = {}
    while len(shown) < 4:
        buffer += await asyncio.wait_for(loop.sock_recv(lines["iobus"], 4096), 20)
        while len(buffer) >= 3 and len(buffer) >= 3 + buffer[2]:
            packet = iobus.Packet.parse(buffer)
            buffer = buffer[3 + len(packet.data) :]
            if packet.type == iobus.Command.DISPLAY:
                shown[packet.slot] = packet.data.decode()
            data = b"\0" if packet.type == iobus.Command.STATE else b""
            await loop.sock_sendall(
                lines["iobus"], iobus.Packet.build({"type": packet.type | 0x80, "slot": packet.slot, "data": data})
            )
    assert shown[0].startswith("Essai") and shown[1].startswith("Carte 1 : absente")
    return lines


@pytest.mark.parametrize("closed", ["iobus", "slot0"])
def test_the_process_ends_when_the_board_is_gone(command: list[str], tmp_path: Path, closed: str) -> None:
    async def run() -> tuple[int, str]:
        sockets = Sockets(tmp_path)
        process = await asyncio.create_subprocess_exec(
            *command, *sockets.arguments, "name=Essai", stderr=asyncio.subprocess.PIPE
        )
        try:
            lines = await _until_display(process, sockets)
            lines[closed].close()
            _, stderr = await asyncio.wait_for(process.communicate(), 20)
            return process.returncode or 0, stderr.decode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    code, said = asyncio.run(run())
    assert code == 0 and "board gone" in said


def test_the_link_is_opened_again_and_resynchronises(command: list[str], tmp_path: Path) -> None:
    """Closed in mid-frame by its other end, the link comes back; garbage before HELLO costs nothing."""

    async def run() -> None:
        sockets = Sockets(tmp_path)
        process = await asyncio.create_subprocess_exec(*command, *sockets.arguments, "name=Essai")
        try:
            lines = await _until_display(process, sockets)
            hello = frame(b"\x01\x01\0\0\0\0\x01session1", 0)
            boots = set()
            for resumed in (0, 1, 1):
                reader, writer = await _accept(sockets.listeners["link"])
                if not resumed:
                    boot = await _message(reader)
                    assert boot[:2] == bytes([link.Kind.EVENT, link.Event.BOOT])
                writer.write(b"\x00\xffATZ\r" + hello)
                reply = await _message(reader)
                assert reply[:7] == b"\x02\x01\0\0\0\0\0"
                parsed = link.HelloReply.parse(reply[7:])
                assert parsed.resumed == resumed
                boots.add(parsed.boot_id)
                writer.write(hello[:11])
                await writer.drain()
                writer.close()
            assert len(boots) == 1
            lines["iobus"].close()
            assert await asyncio.wait_for(process.wait(), 20) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    asyncio.run(run())


async def _accept(listener: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    listener.setblocking(False)
    sock, _ = await asyncio.wait_for(asyncio.get_running_loop().sock_accept(listener), 20)
    return await asyncio.open_unix_connection(sock=sock)


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Payload of the next frame."""
    head = await asyncio.wait_for(reader.readexactly(link.HEADER_BYTES), 20)
    length = int.from_bytes(head[6:8], "big")
    rest = await asyncio.wait_for(reader.readexactly(length + link.CRC_BYTES), 20)
    return bytes(link.Frame.parse(head + rest).body.value.payload)


def test_a_board_that_nobody_listens_for(command: list[str], tmp_path: Path) -> None:
    arguments = [f"slot0=unix:{tmp_path / 'none'}", f"iobus=unix:{tmp_path / 'none'}"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 4 and str(tmp_path / "none") in done.stderr
