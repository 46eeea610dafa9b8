"""`tournee sim air` as a process of its own: addresses, faults on standard input, the end by a signal."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tournee.link.adapters.ble import scan
from tournee.link.errors import LinkUnavailable
from tournee_sim.pytest_plugin import need

_RUN = "from tournee_sim.radio.cli import command; command()"


@pytest.fixture(autouse=True)
def _needs() -> None:
    need("ble")


async def start(*options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", _RUN, "--json", *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def answer(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    said: dict[str, Any] = json.loads(line)
    return said


def test_it_listens_obeys_and_ends(tmp_path: Path) -> None:
    async def scenario() -> None:
        ready = tmp_path / "ready"
        options = ("--listen", "tcp:127.0.0.1:0", "--interval-ms", "30", "--commands", "--ready-file", str(ready))
        process = await start(*options)
        try:
            (url,) = (await answer(process))["listening"]
            assert await scan(0.05, hci=url) == []
            assert process.stdin is not None
            process.stdin.write(b"jam on\nloss 0.5\nmelt\n\n")
            assert (await answer(process))["jammed"] is True
            assert (await answer(process))["loss"] == 0.5
            assert "no radio fault 'melt'" in (await answer(process))["error"]
            assert ready.read_text(encoding="utf-8") == f"{url}\n"
            process.send_signal(signal.SIGINT)
            assert (await answer(process))["stats"]["connections"] == 0
            assert await process.wait() == 0
            with pytest.raises(LinkUnavailable):
                await scan(0.05, hci=url)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_an_address_that_is_no_address_is_said() -> None:
    async def scenario() -> None:
        process = await start("--listen", "udp:1")
        _out, err = await process.communicate()
        assert process.returncode == 2
        assert b"cannot listen at udp:1" in err
        assert b"Traceback" not in err

    asyncio.run(asyncio.wait_for(scenario(), 60))
