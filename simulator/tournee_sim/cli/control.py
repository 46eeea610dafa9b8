"""Commands for a terminal that already runs, from another shell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from tournee_sim.control import ControlError, ask, state_of
from tournee_sim.faults import DIRECTIONS

CARD_OR_TERMINAL = 4
DEFAULT_NAME = "Tournee-0001"
_PRESSED = str.maketrans("oc<", "\r\x1b\b")
F = TypeVar("F", bound=Callable[..., Any])


def targeted(function: F) -> F:
    """--name, --state and --json."""
    function = click.option("--json", "as_json", is_flag=True, help="One JSON object.")(function)
    function = click.option(
        "--state", type=click.Path(file_okay=False, path_type=Path), help="State directory given to `up`."
    )(function)
    return click.option("--name", default=DEFAULT_NAME, show_default=True, help="Which terminal.")(function)


def fail(error: Exception, remedy: str = "") -> NoReturn:
    """Say it and end with code 4."""
    click.echo(f"{error}" + (f"\n→ {remedy}" if remedy else ""), err=True)
    raise click.exceptions.Exit(CARD_OR_TERMINAL)


def request(name: str, state: Path | None, op: str, **values: Any) -> dict[str, Any]:
    try:
        return ask(state_of(name, state), op, **values)
    except ControlError as exc:
        fail(exc, exc.remedy)


def _say(reply: dict[str, Any], as_json: bool, text: str) -> None:
    click.echo(json.dumps(reply) if as_json else text)


@click.command()
@targeted
def status(name: str, state: Path | None, as_json: bool) -> None:
    """What is in the slots, on the display, and the figures since the start."""
    reply = request(name, state, "status")
    counters = reply["counters"]
    slots = "\n".join(f"slot {n}: {card or 'empty'}" for n, card in enumerate(reply["slots"]))
    figures = f"{counters['apdus']} APDUs, {counters['round_trips']} round trips, "
    figures += f"{counters['bytes_to_host']} bytes to the host, {counters['bytes_to_terminal']} to the terminal"
    power = "running" if reply["running"] else "off"
    _say(reply, as_json, f"{reply['name']} {power} at {reply['url']}\n{slots}\n{frame(reply['display'])}\n{figures}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def cards(as_json: bool) -> None:
    """The cards there are, for `up` and `insert`. SIMULATION: nobody exists."""
    from tournee_sim.people import card_ids

    ids = card_ids()
    width = max(map(len, ids))
    _say({"version": 1, "cards": ids}, as_json, "\n".join(f"{i:<{width}}  {line}" for i, line in ids.items()))


@click.command()
@click.argument("slot", type=click.IntRange(0, 1))
@click.argument("card")
@targeted
def insert(slot: int, card: str, name: str, state: Path | None, as_json: bool) -> None:
    """Put CARD (see `tournee sim cards`) in SLOT 0 or 1."""
    _say(request(name, state, "insert", slot=slot, card=card), as_json, f"slot {slot}: {card}")


@click.command()
@click.argument("slot", type=click.IntRange(0, 1))
@targeted
def pull(slot: int, name: str, state: Path | None, as_json: bool) -> None:
    """Take the card out of SLOT 0 or 1, at once."""
    reply = request(name, state, "pull", slot=slot)
    _say(reply, as_json, f"slot {slot}: {reply['card']} taken out")


@click.command("type")
@click.argument("keys")
@click.option("--no-ok", is_flag=True, help="Do not press OK after digits.")
@targeted
def type_keys(keys: str, no_ok: bool, name: str, state: Path | None, as_json: bool) -> None:
    """Press KEYS: digits, o for OK, c for cancel, < to correct. Digits alone are followed by OK."""
    pressed = keys + ("" if no_ok or not keys.isdigit() else "o")
    unknown = set(pressed) - set("0123456789oc<")
    if unknown:
        raise click.UsageError(
            f"no key {''.join(sorted(unknown))!r}: write digits, o for OK, c for cancel, < to correct"
        )
    reply = request(name, state, "type", keys=pressed.translate(_PRESSED))
    _say(reply, as_json, f"{len(pressed)} keys pressed")


@click.command()
@targeted
def display(name: str, state: Path | None, as_json: bool) -> None:
    """Show the terminal's four lines."""
    reply = request(name, state, "display")
    _say(reply, as_json, frame(reply["display"]))


@click.command()
@click.argument("fault_name", metavar="[NAME]", required=False)
@click.argument("words", nargs=-1, metavar="")
@click.option("--slot", type=click.IntRange(0, 1), default=0, show_default=True, help="Slot of the card.")
@click.option(
    "--after", type=click.IntRange(0), help="Strike after so many bytes (pull, parity, link-cut) or frames (kill)."
)
@click.option("--count", type=click.IntRange(0), help="Strike so often; 0: for ever.")
@click.option(
    "--direction",
    type=click.Choice(DIRECTIONS),
    help="Of the link; of `parity` to_card or to_board.",
)
@targeted
def fault(
    fault_name: str | None,
    words: tuple[str, ...],
    slot: int,
    name: str,
    state: Path | None,
    as_json: bool,
    **parameters: Any,
) -> None:
    """Make something go wrong: NAME of the list that `tournee sim fault` prints; `clear` ends the lasting ones.

    Radio: `tournee sim fault air jam on`, `air drop`, `air loss 0.2`.
    """
    from tournee_sim.faults import CardFault, LinkFault

    if fault_name is None:
        about = {k.value: k.about for k in (*CardFault, *LinkFault)}
        about |= {"air …": "the radio: jam, drop, loss", "clear": "ends the lasting ones"}
        _say({"version": 1, "faults": list(about)}, as_json, "\n".join(f"{k:14} {v}" for k, v in about.items()))
    elif fault_name == "clear":
        _say(request(name, state, "clear"), as_json, "no fault armed")
    elif fault_name == "air":
        reply = request(name, state, "air", words=list(words))
        _say(reply, as_json, json.dumps(reply["air"]))
    else:
        _say(request(name, state, "fault", kind=fault_name, slot=slot, **parameters), as_json, f"armed: {fault_name}")


@click.command()
@targeted
def kill(name: str, state: Path | None, as_json: bool) -> None:
    """Cut the terminal's power, in whatever it does."""
    _say(request(name, state, "kill"), as_json, "off")


@click.command()
@targeted
def restart(name: str, state: Path | None, as_json: bool) -> None:
    """Power the terminal on again."""
    _say(request(name, state, "restart"), as_json, "on")


@click.command()
@targeted
def down(name: str, state: Path | None, as_json: bool) -> None:
    """Stop the terminal and wait until it is gone."""
    from tournee_sim.control.waiting import wait_gone

    folder = state_of(name, state)
    reply = request(name, state, "stop")
    if not wait_gone(folder):
        fail(ControlError("the terminal was asked to stop and still runs"), f"look at the processes of {folder}")
    _say(reply, as_json, "stopped")


def frame(lines: list[str]) -> str:
    """The display with a border."""
    border = "+" + "-" * 20 + "+"
    return "\n".join([border, *(f"|{line}|" for line in lines), border])
