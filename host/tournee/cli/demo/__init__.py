"""`tournee demo`: one simulated home visit by the public commands, from the cards to the payment."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

OUTCOMES = ("paid", "rejected", "partial", "lost-arl")


@click.command(name="demo")
@click.option(
    "--out",
    "out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out/demo"),
    show_default=True,
    help="Folder of all that the visit leaves; emptied first.",
)
@click.option(
    "--link",
    type=click.Choice(["ble", "serial", "tcp"]),
    help="How the host reaches the terminal.  [default: ble; serial where the board has no radio]",
)
@click.option(
    "--board",
    type=click.Choice(["unix", "qemu"]),
    default="unix",
    show_default=True,
    help="What runs the firmware: a process of this computer, or a Cortex-M3 in QEMU (no radio).",
)
@click.option("--cps", default="cps-medecin", show_default=True, help="Virtual CPS (tournee sim cards).")
@click.option("--vitale", default="vitale-famille", show_default=True, help="Virtual Vitale of the first visit.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Day of the visit; default: today.")
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    help="Fixes everything but keys and signatures (TOURNEE_TEST_KEYS fixes those).",
)
@click.option(
    "--pace",
    type=click.Choice(["fast", "real"]),
    default="fast",
    show_default=True,
    help="real: the cards take their wire time.",
)
@click.option(
    "--outcome", type=click.Choice(OUTCOMES), default="paid", show_default=True, help="What the funds answer."
)
@click.option(
    "--visits",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Visits to make (YAML or JSON), instead of one.",
)
@click.option("--show-commands", is_flag=True, help="Print each command as it is run.")
@click.option("--quiet", is_flag=True, help="Only the result.")
@click.option("--json", "as_json", is_flag=True, help="Only the summary, as JSON.")
def command(
    out: Path,
    link: str | None,
    board: str,
    cps: str,
    vitale: str,
    day: dt.datetime | None,
    seed: int,
    pace: str,
    outcome: str,
    visits: Path | None,
    show_commands: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """One simulated home visit: cards, bill, signature, lot, mail, return. Everything is simulated but the code.

    The PIN of the day comes from TOURNEE_DEMO_PIN, else it is random. Exit code 0: the outcome asked for was reached; 3: reached,
    and it was a rejection.
    """
    from tournee.cli.demo.play import Play, Wish

    if link == "ble" and board == "qemu":
        raise click.UsageError("the board qemu has no radio: --link serial or --link tcp")
    link = link or ("serial" if board == "qemu" else "ble")
    wish = Wish(out, link, board, cps, vitale, day.date() if day else None, seed, pace, outcome, visits)
    return Play(wish, show_commands=show_commands, quiet=quiet, as_json=as_json).run()
