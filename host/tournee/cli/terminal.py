"""`tournee terminal …`: find, inspect and drive the card terminal. For hardware teams and QA, hence in English."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from tournee.cli.connect import reader_for, terminal_option
from tournee.cli.output import console, emit, json_option
from tournee.cli.selftest import command as selftest

if TYPE_CHECKING:
    from tournee.terminal.model import Slot, TerminalEvent


@click.group(name="terminal")
def app() -> None:
    """Find, inspect and drive the card terminal."""


@app.command()
@terminal_option
@json_option
def info(url: str | None, as_json: bool) -> None:
    """Firmware, board, manifest hash, boot id, channel, PIN locked or not."""

    async def ask() -> dict[str, Any]:
        async with reader_for(url) as reader:
            found = await reader.info()
        fields = {name: getattr(found, name) for name in found.__dataclass_fields__}
        return {"url": reader.url, **fields, "boot_id": found.boot_id.hex()}

    document = asyncio.run(ask())
    if as_json:
        emit(document)
        return
    labels = {
        "manifest": "manifest (SHA-256)",
        "pin_locked": "PIN",
        "free_heap_bytes": "free heap",
        "uptime_s": "up since",
    }
    shown = document | {
        "pin_locked": "locked" if document["pin_locked"] else "a PIN is verified",
        "free_heap_bytes": f"{document['free_heap_bytes']} bytes",
        "uptime_s": f"{document['uptime_s']} s",
    }
    for key, value in shown.items():
        click.echo(f"{labels.get(key, key):20}{value}")


@app.command()
@terminal_option
@json_option
def slots(url: str | None, as_json: bool) -> None:
    """State of each slot; powers nothing."""

    async def ask() -> list[Slot]:
        async with reader_for(url) as reader:
            return list(await reader.slots())

    _show_slots(asyncio.run(ask()), as_json)


@app.command()
@click.argument("slot", type=click.IntRange(0), required=False)
@terminal_option
@json_option
def atr(slot: int | None, url: str | None, as_json: bool) -> None:
    """Power the cards (or the one in SLOT) and say what they are."""

    async def ask() -> list[Slot]:
        from tournee.terminal.errors import TerminalError
        from tournee_protocol.link import SlotState

        async with reader_for(url) as reader:
            wanted = [slot] if slot is not None else [s.slot for s in await reader.slots()]
            for number in wanted:
                try:
                    await reader.power_on(number)
                except TerminalError:
                    if slot is not None:
                        raise
            return [s for s in await reader.slots() if s.slot in wanted and s.state is not SlotState.ABSENT]

    _show_slots(asyncio.run(ask()), as_json)


@app.command()
@click.argument("slot", type=click.IntRange(0))
@click.argument("apdus", metavar="HEX...", nargs=-1, required=True)
@terminal_option
@json_option
def apdu(slot: int, apdus: tuple[str, ...], url: str | None, as_json: bool) -> None:
    """Send APDUs to the card in SLOT, powered first; 61xx and 6Cxx are followed. Spaces and colons in HEX are ignored."""
    from tournee.cards.sw import explain

    commands = [_apdu(text) for text in apdus]

    async def ask() -> list[dict[str, str]]:
        rows = []
        async with reader_for(url) as reader:
            await reader.power_on(slot)
            for command in commands:
                answer = await reader.transmit(slot, command)
                rows.append(
                    {
                        "apdu": command.hex().upper(),
                        "data": answer.data.hex().upper(),
                        "sw": f"{answer.sw:04X}",
                        "meaning": explain(answer.sw),
                    }
                )
        return rows

    rows = asyncio.run(ask())
    if as_json:
        emit({"slot": slot, "exchanges": rows})
        return
    for row in rows:
        click.echo(f"> {_spaced(row['apdu'])}")
        if row["data"]:
            click.echo(f"< {_spaced(row['data'])}")
        click.echo(f"  {row['sw']}  {row['meaning']}")


@app.command()
@click.option("--count", type=click.IntRange(1), help="End after so many events.")
@terminal_option
@json_option
def watch(count: int | None, url: str | None, as_json: bool) -> None:
    """Live events: cards, keypad, link. Ctrl-C ends; with --json one object per line."""

    async def follow() -> None:
        async with reader_for(url) as reader:
            seen = 0
            events = reader.events()
            for entry in await reader.slots():
                _print_event(_event_row("slot", slot=entry.slot, state=entry.state.name.lower()), as_json)
            async for event in events:
                _print_event(_event(event), as_json)
                seen += 1
                if count and seen >= count:
                    return

    asyncio.run(follow())


@app.command()
@terminal_option
def lock(url: str | None) -> None:
    """Power the cards off and forget the PIN; the next command that needs it asks again."""

    async def ask() -> None:
        async with reader_for(url) as reader:
            await reader.close()

    asyncio.run(ask())


@app.command()
@terminal_option
def log(url: str | None) -> None:
    """The terminal's own log (it holds no PIN and no card data)."""

    async def ask() -> str:
        from tournee.errors import UsageError
        from tournee.terminal import Terminal

        async with reader_for(url) as reader:
            if not isinstance(reader, Terminal):
                raise UsageError("A PC/SC reader keeps no log.", "Use a Tournée terminal.")
            return await reader.log()

    click.echo(asyncio.run(ask()), nl=False)


@app.command()
@click.option("--timeout", "timeout_s", default=4.0, show_default=True, help="Seconds to listen for radios.")
@click.option(
    "--hci", metavar="URL", help="Listen through this Bluetooth controller (tcp:…, usb:…), not the computer's own."
)
@json_option
def scan(timeout_s: float, hci: str | None, as_json: bool) -> None:
    """List what may be a terminal: serial ports, Bluetooth LE, PC/SC readers."""
    from tournee.cli.scan import scan as look

    rows, notes = asyncio.run(look(timeout_s, hci))
    if as_json:
        emit({"found": rows, "notes": notes})
        return
    for row in rows:
        click.echo(f"{row['url']:40}  {row['what']}")
    if not rows:
        click.echo("Nothing found: plug the terminal in or switch it on, then scan again.")
    for note in notes:
        click.echo(f"({note})", err=True)


@app.command()
@click.argument("url", required=False)
@json_option
def use(url: str | None, as_json: bool) -> None:
    """Remember the terminal at URL for every command; without URL, say which one is remembered."""
    from tournee.cli import settings
    from tournee.link.url import parse

    if url:
        settings.save(settings.Settings(terminal=str(parse(url))))
    remembered = settings.load().terminal
    if as_json:
        emit({"terminal": remembered, "settings": str(settings.path())})
    else:
        click.echo(remembered or "No terminal is remembered: tournee terminal use URL.")


app.add_command(selftest)


def _apdu(text: str) -> bytes:
    from tournee.cards.script import well_formed
    from tournee.errors import UsageError

    try:
        command = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        raise UsageError(f"{text}: not hexadecimal.", "Write for instance 00A40000023F00.") from None
    if not well_formed(command):
        raise UsageError(f"{text}: not a short APDU.", "CLA INS P1 P2 [Lc data] [Le], Lc counting the data.")
    return command


def _spaced(text: str) -> str:
    return " ".join(text[i : i + 2] for i in range(0, len(text), 2))


def _slot_row(slot: Slot) -> dict[str, Any]:
    from tournee.cards.atr import recognise

    kind = recognise(slot.atr) if slot.atr else None
    return {
        "slot": slot.slot,
        "state": slot.state.name.lower(),
        "protocol": slot.protocol,
        "fidi": f"{slot.fidi:02X}",
        "atr": slot.atr.hex().upper(),
        "card": kind.label if kind else ("unknown card" if slot.atr else ""),
    }


def _show_slots(found: list[Slot], as_json: bool) -> None:
    rows = [_slot_row(slot) for slot in found]
    if as_json:
        emit({"slots": rows})
        return
    for row in rows:
        powered = f"  T={row['protocol']} F/D {row['fidi']}  {_spaced(row['atr'])}  {row['card']}" if row["atr"] else ""
        click.echo(f"slot {row['slot']}: {row['state']}{powered}")
    if not rows:
        console(stderr=True).print("No card is in any slot: insert one.")


def _event(event: TerminalEvent) -> dict[str, Any]:
    from tournee.terminal import model

    if isinstance(event, model.SlotChanged):
        return _event_row("slot", slot=event.slot, state=event.state.name.lower())
    if isinstance(event, model.KeypadChanged):
        return _event_row("keypad", state=event.state.name.lower())
    if isinstance(event, model.LinkChanged):
        return _event_row("link", up=event.up, restarted=event.restarted)
    if isinstance(event, model.Booted):
        return _event_row("boot", boot_id=event.boot_id.hex())
    return _event_row("busy", op=event.op, number=event.number)


def _print_event(row: dict[str, Any], as_json: bool) -> None:
    import json

    click.echo(json.dumps(row) if as_json else "  ".join(f"{k} {v}" for k, v in row.items() if k != "version"))


def _event_row(name: str, **values: Any) -> dict[str, Any]:
    return {"version": 1, "event": name, **values}
