"""`tournee sim fund`: the simulated funds as a process."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    default=Path("out/fund"),
    show_default=True,
    help="Mailboxes, decrypted files and checks.json.",
)
@click.option("--keys", type=click.Path(path_type=Path), help="Test keys; default: TOURNEE_TEST_KEYS, else DIR/keys.")
@click.option("--funds", default="01991,02992", show_default=True, help="Régime (2) + caisse (3), separated by commas.")
@click.option(
    "--outcome",
    type=click.Choice(["paid", "rejected", "partial", "lost-arl"]),
    default="paid",
    show_default=True,
    help="What becomes of the invoices.",
)
@click.option("--reject-code", default="0250-050", show_default=True, help="Code of `--outcome rejected`.")
@click.option(
    "--seed", type=int, default=0, help="Accepted for the demo; the funds make no random choice but the password."
)
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="Day of the funds; default: the day it is.")
@click.option("--smtp-port", type=click.IntRange(0, 65535), default=0, help="0: any free port.")
@click.option("--pop3-port", type=click.IntRange(0, 65535), default=0, help="0: any free port.")
@click.option(
    "--password", envvar="TOURNEE_FUND_PASSWORD", default="", help="Of every mailbox; default: made once, kept in DIR."
)
@click.option(
    "--ready-file", type=click.Path(path_type=Path), help="Written (JSON) when both ports listen, removed at the end."
)
@click.option(
    "--fault",
    type=click.Choice(["none", "busy", "die-in-data", "die-after-keeping", "return-twice"]),
    default="none",
    help="Fault to inject into each delivery.",
)
@click.option("--json", "as_json", is_flag=True, help="Say the ports as one line of JSON.")
def command(
    directory: Path,
    keys: Path | None,
    funds: str,
    outcome: str,
    reject_code: str,
    seed: int,
    today: datetime | None,
    smtp_port: int,
    pop3_port: int,
    password: str,
    ready_file: Path | None,
    fault: str,
    as_json: bool,
) -> None:
    """Simulated health funds: SMTP in, checks, answers (ARL, NOEMIE 580 and 576) by POP3. Ctrl-C ends them."""
    import asyncio
    import os
    from dataclasses import asdict

    from tournee_protocol.rejets import codes
    from tournee_sim.funds.desk import Policy
    from tournee_sim.funds.outcome import Outcome
    from tournee_sim.funds.server import Fault, Ready, serve
    from tournee_sim.pki import KEYS_VARIABLE, Pki

    chosen = [code.strip() for code in funds.split(",") if code.strip()]
    if not chosen or any(len(code) != 5 or not code.isdigit() for code in chosen):
        raise click.BadParameter("five digits each, e.g. 01991,02992", param_hint="--funds")
    if reject_code not in codes():
        raise click.BadParameter(f"one of {', '.join(codes())}", param_hint="--reject-code")
    pki = Pki(keys or os.environ.get(KEYS_VARIABLE) or directory / "keys")
    policy = Policy(Outcome(outcome), reject_code, today.date() if today else None, twice=fault == "return-twice")

    def told(ready: Ready) -> None:
        if as_json:
            click.echo(json.dumps(asdict(ready)))
            return
        click.echo(f"SIMULATION: funds {', '.join(ready.funds)}; outcome {outcome}")
        click.echo(f"SMTP {ready.smtp_host}:{ready.smtp_port}  POP3 {ready.pop3_host}:{ready.pop3_port}  (no TLS)")
        click.echo(f"destinations: {ready.destinations}")

    try:
        asyncio.run(
            serve(
                directory, pki, chosen, policy, smtp_port=smtp_port, pop3_port=pop3_port, password=password,
                ready_file=ready_file, fault=Fault(fault), told=told,
            )
        )  # fmt: skip
    except OSError as exc:
        raise click.ClickException(f"cannot listen: {exc.strerror}; choose other ports") from exc
