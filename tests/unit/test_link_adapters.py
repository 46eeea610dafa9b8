"""Serial through a pty and TCP through the loopback: every byte value, the end of the line, typed refusals."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tournee.link.adapters import transport
from tournee.link.errors import LinkLost, LinkUnavailable
from tournee.link.transport import Transport
from tournee_sim.pytest_plugin import need

ALL = bytes(range(256)) * 8


async def _read(line: Transport, count: int) -> bytes:
    got = b""
    while len(got) < count:
        got += await line.read()
    return got


def _pty() -> tuple[int, str]:
    need("tty", sys.platform != "win32", "a POSIX system with pseudo-terminals")
    import pty
    import tty

    master, slave = pty.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)
    os.close(slave)
    return master, name


def test_serial_passes_all_values_both_ways_and_sees_the_end() -> None:
    master, name = _pty()

    async def run() -> None:
        line = transport(f"serial:{name}")
        await line.open()
        await line.write(ALL)
        out = b""
        while len(out) < len(ALL):
            out += await asyncio.to_thread(os.read, master, 4096)
        assert out == ALL
        await asyncio.to_thread(os.write, master, ALL)
        assert await _read(line, len(ALL)) == ALL
        assert (line.traffic.bytes_out, line.traffic.bytes_in) == (len(ALL), len(ALL))
        os.close(master)
        with pytest.raises(LinkLost):
            await line.read()
        await line.close()

    asyncio.run(run())


def test_serial_close_wakes_a_waiting_read_and_opens_again() -> None:
    master, name = _pty()

    async def run() -> None:
        line = transport(f"serial:{name}")
        await line.open()
        waiting = asyncio.create_task(line.read())
        await asyncio.sleep(0)
        await line.close()
        with pytest.raises(LinkLost):
            await waiting
        with pytest.raises(LinkLost):
            await line.write(b"x")
        await line.open()
        await asyncio.to_thread(os.write, master, b"again")
        assert await _read(line, 5) == b"again"
        await line.close()

    asyncio.run(run())
    os.close(master)


def test_a_serial_port_in_use_is_named() -> None:
    master, name = _pty()

    async def run() -> None:
        first, second = transport(f"serial:{name}"), transport(f"serial:{name}")
        await first.open()
        with pytest.raises(LinkUnavailable, match="déjà utilisé"):
            await second.open()
        await first.close()

    asyncio.run(run())
    os.close(master)


def test_a_serial_port_that_is_not_there_says_how_to_find_one(tmp_path: Path) -> None:
    line = transport(f"serial:{tmp_path}/ttyNONE")
    with pytest.raises(LinkUnavailable) as caught:
        asyncio.run(line.open())
    assert "scan" in caught.value.remedy


def test_tcp_passes_all_values_and_sees_the_end() -> None:
    async def run() -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readexactly(len(ALL)))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        line = transport(f"tcp:127.0.0.1:{port}")
        await line.open()
        await line.write(ALL)
        assert await _read(line, len(ALL)) == ALL
        with pytest.raises(LinkLost):
            await line.read()
        await line.close()
        server.close()
        await server.wait_closed()
        with pytest.raises(LinkUnavailable, match="connexion refusée"):
            await line.open()

    asyncio.run(run())
