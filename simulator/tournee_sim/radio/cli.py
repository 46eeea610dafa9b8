"""`tournee sim air`: the simulated air alone, for terminals and hosts in processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tournee_sim.radio.hub import AirHub


@click.command("air")
@click.option(
    "--listen",
    multiple=True,
    metavar="ADDRESS",
    help="tcp:HOST:PORT or unix:PATH; may be given again. [tcp:127.0.0.1:9811]",
)
@click.option(
    "--interval-ms",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Connection interval in ms; 0: instant air.",
)
@click.option(
    "--max-pdus", type=click.IntRange(1), default=None, help="Most data PDUs per connection event (phones: 4 to 6)."
)
@click.option("--phy", type=click.Choice(["1", "2"]), default="1", show_default=True, help="Mbit/s on the air.")
@click.option(
    "--loss", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of PDUs lost and sent again."
)
@click.option(
    "--supervision-ms",
    type=click.FloatRange(1),
    default=None,
    help="Silence that ends a connection; default: what the central asks.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Fixes which PDUs are lost.")
@click.option("--no-dle", is_flag=True, help="PDUs of 27 bytes, as radios without data length extension.")
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Written when the air listens; one address per line.",
)
@click.option("--commands", is_flag=True, help="Read faults from standard input: jam on|off, drop, loss SHARE, stats.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def command(
    listen: tuple[str, ...], ready_file: Path | None, commands: bool, as_json: bool, no_dle: bool, **air: Any
) -> int:
    """Run a Bluetooth LE air until Ctrl-C. SIMULATION.

    Every HCI client gets a controller of its own. A host reaches a terminal on it with ble:Tournee-0001?hci=tcp:127.0.0.1:9811
    """
    from tournee_sim.radio.air import AirConfig
    from tournee_sim.radio.hub import AirHub, ListenError

    config = AirConfig(
        interval_ms=air["interval_ms"],
        max_pdus_per_event=air["max_pdus"],
        phy_mbps=float(air["phy"]),
        loss=air["loss"],
        seed=air["seed"],
        supervision_ms=air["supervision_ms"],
    )

    async def run() -> None:
        async with AirHub(config, acl_bytes=27 if no_dle else 251) as hub:
            urls = await hub.listen(*listen)
            _say(as_json, {"version": 1, "listening": urls}, "\n".join(f"air at {url}   (?hci={url})" for url in urls))
            if ready_file is not None:
                await asyncio.to_thread(ready_file.write_text, "\n".join(urls) + "\n", encoding="utf-8")
            await _until_told(hub, commands, as_json)
            _say(as_json, {"version": 1, "stats": hub.stats.as_dict()}, _sentence(hub.stats.as_dict()))

    try:
        asyncio.run(run())
    except ListenError as exc:
        raise click.UsageError(str(exc)) from exc
    return 0


async def _until_told(hub: AirHub, commands: bool, as_json: bool) -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    reading = loop.create_task(_read_commands(hub, as_json)) if commands else None
    try:
        await told.wait()
    finally:
        if reading is not None:
            reading.cancel()


async def _read_commands(hub: AirHub, as_json: bool) -> None:
    from tournee_sim.radio import faults

    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        words = line.decode(errors="replace").split()
        if not words:
            continue
        try:
            state = faults.apply(hub, words)
        except faults.FaultError as exc:
            _say(as_json, {"version": 1, "error": str(exc)}, str(exc))
        else:
            _say(
                as_json,
                {"version": 1, **state},
                f"jammed {state['jammed']}, loss {state['loss']}. {_sentence(state['stats'])}",
            )


def _say(as_json: bool, data: dict[str, Any], text: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(data) if as_json else text, flush=True)


def _sentence(stats: dict[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in stats.items())
