"""How the demo is told: one line per act, nothing that scrolls past unread, a small table at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tournee.billing.money import euros
from tournee.cli.output import console


class Step:
    """One act while it runs."""

    def __init__(self) -> None:
        self.detail = ""

    def done(self, detail: str) -> None:
        self.detail = detail


class Teller:
    def __init__(self, *, show_commands: bool, quiet: bool) -> None:
        self._out = console()
        self._commands = show_commands
        self._quiet = quiet

    def title(self) -> None:
        if not self._quiet:
            self._out.print(
                "[bold]Une visite à domicile, simulée[/]  [dim]SIMULATION SV-SIM 1 : cartes, caisses et patients fictifs[/]"
            )

    def command(self, line: str) -> None:
        if self._commands:
            self._out.print(f"  [cyan]$ {_escaped(line)}[/]", soft_wrap=True)

    @contextmanager
    def step(self, text: str) -> Iterator[Step]:
        step = Step()
        if self._quiet:
            yield step
            return
        if self._out.is_interactive and not self._commands:
            with self._out.status(f"{text}…"):
                yield step
        else:
            yield step
        self._out.print(f"  [green]✓[/] {text}" + (f"\n    [dim]{_escaped(step.detail)}[/]" if step.detail else ""))

    def fault(self, what: str, remedy: str) -> None:
        out = console(stderr=True)
        out.print(f"  [red]✗[/] {_escaped(what)}" + (f"\n    → {_escaped(remedy)}" if remedy else ""))

    def outcome(self, shown: dict[str, Any]) -> None:
        """What the fund said of one bill, when there is something to explain."""
        if self._quiet:
            return
        outcome = shown.get("outcome") or {}
        if shown["state"] == "partly_paid":
            asked, paid = outcome["demande_cents"], outcome["paye_cents"]
            self._out.print(
                f"  [yellow]![/] facture {shown['numero_facture']} payée en partie :"
                f" {euros(paid)} sur {euros(asked)}, il manque {euros(asked - paid)}"
            )
        for rejet in outcome.get("rejets", []):
            self._out.print(
                f"  [red]![/] facture {shown['numero_facture']} : {rejet['code']} {_escaped(rejet['libelle'])}"
            )
            self._out.print(f"    → {_escaped(rejet['a_faire'])}")

    def waiting(self, overview: dict[str, Any]) -> None:
        if self._quiet:
            return
        for item in overview["waiting"]:
            until = f" ; à relancer le {item['act_on']}" if item["act_on"] else ""
            self._out.print(f"  [yellow]…[/] {item['text']}{until}")

    def end(self, summary: dict[str, Any], out: Path) -> None:
        from rich.table import Table

        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="dim")
        table.add_column()
        colour = (
            "green"
            if summary["status"] == "paid"
            else "red"
            if summary["status"] in ("failed", "rejected")
            else "yellow"
        )
        table.add_row("résultat", f"[bold {colour}]{_STATES.get(summary['status'], summary['status'])}[/]")
        table.add_row("terminal", f"{summary['board']}, MicroPython {summary['micropython']}, {summary['link']}")
        table.add_row(
            "échanges", f"{summary['apdus']} APDU, {summary['round_trips']} allers-retours, {summary['bytes']} octets"
        )
        table.add_row("factures", f"{summary['invoices']}")
        if summary["lot_sha256"]:
            table.add_row("fichier", f"SHA-256 {summary['lot_sha256'][:16]}…")
        table.add_row("durée", f"{summary['elapsed_s']:.1f} s")
        table.add_row("dossier", str(out))
        self._out.print()
        self._out.print(table)


_STATES = {
    "paid": "payée",
    "rejected": "rejetée",
    "partly_paid": "payée en partie",
    "waiting": "en attente de la caisse",
    "failed": "échec",
    "mixed": "divers",
}


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
