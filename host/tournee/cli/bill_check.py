"""`tournee bill check FILES…`: bills as JSON, checked without cards or network; all errors in one pass, by field path."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from tournee.billing import Bill, Rights, SituationFacturation, bill_from_json, evaluate, rights_from_json, settle
from tournee.billing.errors import BadBillFile
from tournee.billing.money import euros
from tournee.cli.errors import REFUSED
from tournee.cli.output import console, emit
from tournee.cli.ports import SystemClock


def check(files: Sequence[Path], *, as_json: bool) -> int:
    """0 when every bill is valid, 3 otherwise. A file is a bill, or an object {content: bill, rights}."""
    from rich.progress import track

    out = console(stderr=True)
    shown = track(files, description="factures", console=out, transient=True, disable=as_json or not out.is_terminal)
    found = [_check(file) for file in shown]
    if as_json:
        emit({"bills": found})
    else:
        _say(found)
    return 0 if all(f["status"] == "valid" for f in found) else REFUSED


def _check(file: Path) -> dict[str, Any]:
    try:
        bill_document, rights_document = _documents(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as exc:
        what = exc.strerror if isinstance(exc, OSError) and exc.strerror else f"pas du JSON ({type(exc).__name__})"
        return _unreadable(file, [("", f"illisible : {what}", "donnez un fichier JSON écrit par tournee")])
    wrong: list[BadBillFile] = []
    bill, rights = Bill("", date.min, SituationFacturation()), Rights.none()
    try:
        bill = bill_from_json(bill_document)
    except BadBillFile as exc:
        wrong += exc.every
    try:
        rights = rights_from_json(rights_document) if rights_document is not None else rights
    except BadBillFile as exc:
        wrong += exc.every
    if wrong:
        return _unreadable(file, [(e.path, e.what, e.remedy) for e in wrong])
    result = evaluate(settle(bill, rights), rights, today=SystemClock().today())
    missing = [
        {"code": "REPONSE_ATTENDUE", "path": f"answers.{q.id}", "text": q.text, "remedy": "répondez à cette question"}
        for q in result.questions
        if q.required
    ]
    errors = [{"code": e.code, "path": e.path, "text": e.text, "remedy": e.remedy} for e in result.errors]
    return {
        "file": str(file),
        "status": result.status,
        "montant_cents": result.totals.montant_cents,
        "errors": [*errors, *missing],
    }


def _documents(document: Any) -> tuple[Any, Any]:
    if isinstance(document, Mapping) and "content" in document:
        return document["content"], document.get("rights")
    return document, None


def _unreadable(file: Path, wrong: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    errors = [{"code": "FICHIER", "path": path, "text": text, "remedy": remedy} for path, text, remedy in wrong]
    return {"file": str(file), "status": "unreadable", "montant_cents": 0, "errors": errors}


def _say(found: Sequence[Mapping[str, Any]]) -> None:
    out = console()
    words = {"valid": "valide", "invalid": "non valide", "incomplete": "incomplète", "unreadable": "illisible"}
    for one in found:
        style = "green" if one["status"] == "valid" else "red"
        amount = f"  {euros(one['montant_cents'])}" if one["montant_cents"] else ""
        out.print(f"[{style}]{words[one['status']]}[/]  {one['file']}{amount}")
        for error in one["errors"]:
            place = f"{error['path']} : " if error["path"] and not error["text"].startswith(error["path"]) else ""
            out.print(f"  {place}{error['text']} → {error['remedy']}", markup=False)
    counts = {status: sum(f["status"] == status for f in found) for status in words}
    summary = " · ".join(f"{n} {words[s]}{'s' if n > 1 else ''}" for s, n in counts.items() if n)
    out.print(f"{len(found)} facture{'s' if len(found) > 1 else ''} : {summary}")
