"""`tournee sim up`: one terminal, until Ctrl-C or `tournee sim down`."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tournee_sim.cli.control import fail, named
from tournee_sim.control import ControlError, StateLock, state_of

if TYPE_CHECKING:
    from tournee_sim.boards.unix import BoardConfig, UnixBoard

PIN_VARIABLE = "TOURNEE_SIM_PIN"
INTERRUPTED = 130


@click.command("up")
@click.option(
    "--link", type=click.Choice(["pty", "tcp", "ble"]), default="tcp", show_default=True, help="How hosts reach it."
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="TCP port; 0: a free one.")
@click.option("--cps", default="cps-medecin", show_default=True, help="Card in slot 0 (`tournee sim cards`), or none.")
@click.option("--vitale", default="vitale-famille", show_default=True, help="Card in slot 1, or none.")
@click.option("--swap", is_flag=True, help="The cards in swapped slots.")
@click.option(
    "--pace", type=click.Choice(["fast", "real"]), default="fast", show_default=True, help="Keep wire time, or tell it."
)
@click.option("--pin", help=f"Code porteur of the day; better in {PIN_VARIABLE}. Random when not given.")
@click.option("--auto-pin", is_flag=True, help="Type the code whenever the display asks for it.")
@click.option("--seed", type=int, help="Fixes what cards draw by chance.")
@named("Name of the terminal; another one runs beside.")
@click.option("--state", type=click.Path(file_okay=False, path_type=Path), help="What cards and terminal remember.")
@click.option(
    "--keys",
    type=click.Path(file_okay=False, path_type=Path),
    help="Test keys; else TOURNEE_TEST_KEYS, else in the state.",
)
@click.option("--hci", help="Radio hub to join (tcp:127.0.0.1:9811); else an own one.")
@click.option(
    "--trace", type=click.Path(dir_okay=False, path_type=Path), help="APDU trace; default: apdu.log in the state."
)
@click.option(
    "--board",
    type=click.Choice(["unix", "qemu", "renode", "stock"]),
    default="unix",
    show_default=True,
    help="What runs the firmware: a process of this computer, a Cortex-M3 in QEMU or Renode; stock: nothing yet, for tournee flash.",
)
@click.option(
    "--pcsc",
    is_flag=False,
    flag_value="SEC1210",
    type=click.Choice(["SEC1210", "GemPCTwin", "GemPCPinPad"]),
    help="Also a serial CCID reader for stock pcscd: two slots (SEC1210, when no name is given), or one.",
)
@click.option(
    "--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="Written when the terminal answers."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON line when ready, no display.")
def command(
    link: str,
    port: int,
    cps: str,
    vitale: str,
    swap: bool,
    pace: str,
    pin: str | None,
    auto_pin: bool,
    seed: int | None,
    name: str,
    state: Path | None,
    keys: Path | None,
    hci: str | None,
    trace: Path | None,
    board: str,
    pcsc: str | None,
    ready_file: Path | None,
    as_json: bool,
) -> int:
    """Start a terminal: the real firmware, cards in its slots, a link. SIMULATION."""
    from tournee_sim.boards.unix import BoardConfig, BoardError
    from tournee_sim.people import UnknownCard
    from tournee_sim.pki import PkiError

    folder = state_of(name, state).absolute()
    slots = [None if card == "none" else card for card in (cps, vitale)]
    if swap:
        slots.reverse()
    code = pin or os.environ.get(PIN_VARIABLE)
    if code is not None and not (len(code) == 4 and code.isascii() and code.isdigit()):
        raise click.UsageError("the code porteur is 4 digits")
    try:
        lock = StateLock(folder)
    except ControlError as exc:
        fail(exc, exc.remedy)
    except OSError as exc:
        fail(exc, "give --state a folder of yours")
    try:
        config = BoardConfig(
            name=name,
            cps=slots[0],
            vitale=slots[1],
            link=link,
            tcp_port=port,
            pace=pace,
            state=folder,
            keys=keys,
            pin=code,
            auto_pin=auto_pin,
            hci=hci,
            trace=(trace or folder / "apdu.log").absolute(),
            seed=seed,
            board=board,
            pcsc=pcsc,
        )
        return asyncio.run(_run(config, lock, ready_file, as_json))
    except (BoardError, UnknownCard, PkiError) as exc:
        fail(exc)
    except OSError as exc:
        if port and exc.filename is None and exc.errno in (errno.EADDRINUSE, errno.EACCES):
            fail(OSError(f"port {port}: {os.strerror(exc.errno)}"), "give another --port, or none for a free one")
        fail(exc, "look at the files and folders given")
    finally:
        if ready_file:
            ready_file.unlink(missing_ok=True)
        lock.release()


async def _run(config: BoardConfig, lock: StateLock, ready_file: Path | None, as_json: bool) -> int:
    from tournee_sim.boards.unix import UnixBoard
    from tournee_sim.control.server import ControlServer

    signals: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, signals.put_nowait, number)
    async with UnixBoard(config) as board:
        control = ControlServer(board)
        path = board.runtime / "control"
        await control.start(path)
        ready: dict[str, object] = {
            "version": 1,
            "pid": os.getpid(),
            "name": config.name,
            "url": board.url,
            "control": str(path),
        }
        if board.ccid:
            ready["pcsc"] = str(board.ccid.config.folder)
        ready |= {"state": str(config.state), "cps": config.cps, "vitale": config.vitale, "simulation": True}
        lock.describe(**ready)
        if ready_file:
            _write(ready_file, ready)
        if as_json:
            print(json.dumps(ready), flush=True)
        try:
            return await _until_end(board, control.stopped, signals, as_json)
        finally:
            await control.close()


async def _until_end(board: UnixBoard, stopped: asyncio.Event, signals: asyncio.Queue[int], as_json: bool) -> int:
    """0 when it was asked to stop, 130 after Ctrl-C."""
    from tournee_sim.cli.view import View

    asked = asyncio.ensure_future(stopped.wait())
    signalled = asyncio.ensure_future(signals.get())
    with View(board, live=not as_json and sys.stdout.isatty(), quiet=as_json):
        await asyncio.wait({asked, signalled}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if signalled.done():
        return INTERRUPTED if signalled.result() == signal.SIGINT else 0
    signalled.cancel()
    return 0


def _write(path: Path, content: dict[str, object]) -> None:
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps(content) + "\n", "utf-8")
    temporary.replace(path)
