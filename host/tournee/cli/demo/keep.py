"""What the demo leaves in its folder: bill, lot, mail, returns, receipt, card log, summary."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

from tournee.cli.demo.stage import Stage

WORLD = "world"
"""Folder of what only the simulation needs: home, keys, state of terminal and funds, logs."""


class Keeper:
    def __init__(self, stage: Stage, out: Path) -> None:
        self._stage = stage
        self._out = out
        self._counters: dict[str, Any] = {}
        self.info: dict[str, Any] = {}

    def keep(self, bills: list[str], overview: dict[str, Any]) -> None:
        """Write what the commands can still tell while terminal and funds run."""
        for number, bill in enumerate(bills, 1):
            suffix = "" if number == 1 else f"-{number}"
            shown = self._stage.run("bill", "show", bill).document
            _json(self._out / f"bill{suffix}.json", shown)
            self._stage.write("bill", "print", bill, "--out", str(self._out / f"receipt{suffix}.pdf"))
        for number, path in enumerate(sorted((self._out / WORLD / "sent").glob("*.b2")), 1):
            suffix = "" if number == 1 else f"-{number}"
            shutil.copy(path, self._out / f"lot{suffix}.b2")
            mail = path.with_suffix(".eml")
            if mail.exists():
                shutil.copy(mail, self._out / f"sent{suffix}.eml")
        decrypted = self._out / WORLD / "funds" / "fund"
        if decrypted.exists():
            shutil.copytree(decrypted, self._out / "fund", dirs_exist_ok=True)
        _json(self._out / "status.json", overview)
        self._counters = self._stage.sim("status", "--state", str((self._out / WORLD / "terminal").resolve())).document
        trace = self._out / WORLD / "terminal" / "apdu.log"
        if trace.exists():
            shutil.copy(trace, self._out / "apdu.log")

    def summary(
        self, *, status: str, outcome: str, link: str, board: str, bills: list[str], begun: float, reason: str
    ) -> dict[str, Any]:
        """`summary.json`, also returned."""
        counters = self._counters.get("counters", {})
        lots = sorted(self._out.glob("lot*.b2"))
        summary = {
            "version": 1,
            "status": status,
            "outcome": outcome,
            "board": board,
            "micropython": self.info.get("micropython", ""),
            "firmware": self.info.get("firmware", ""),
            "link": link,
            "apdus": counters.get("apdus", 0),
            "round_trips": counters.get("round_trips", 0),
            "bytes": counters.get("bytes_to_host", 0) + counters.get("bytes_to_terminal", 0),
            "invoices": len(bills),
            "files": len(lots),
            "lot_sha256": hashlib.sha256(lots[0].read_bytes()).hexdigest() if lots else "",
            "elapsed_s": round(time.monotonic() - begun, 2),
            "commands": self._stage.commands,
        }
        if reason:
            summary["reason"] = reason
        _json(self._out / "summary.json", summary)
        return summary


def _json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
