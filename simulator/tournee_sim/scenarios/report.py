"""The report of a run: JUnit for build machines, one HTML page for people. Both hold no PIN, NIR or name: neither does a trace."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from statistics import median
from typing import Final
from xml.etree import ElementTree as ET

from tournee_sim.scenarios.errors import written
from tournee_sim.scenarios.model import Outcome
from tournee_sim.scenarios.run import Plan, counts

_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SHOWN: Final = 50
_TRACE_ROWS: Final = 60


def write(folder: Path, plan: Plan, outcomes: Sequence[Outcome], seconds: float) -> None:
    """`junit.xml` and `report.html` in `folder`."""
    for name, text in (("junit.xml", junit(outcomes, seconds)), ("report.html", html(plan, outcomes, seconds))):
        with written(folder / name):
            (folder / name).write_text(text, "utf-8")


def junit(outcomes: Iterable[Outcome], seconds: float) -> str:
    """One suite per scenario and board, one case per session, named by its seed."""
    root = ET.Element("testsuites", name="tournee sim run", time=f"{seconds:.3f}")
    for (name, board), group in _groups(outcomes).items():
        found = counts(group)
        suite = ET.SubElement(root, "testsuite", name=f"{name} [{board}]", tests=str(len(group)))
        suite.set("failures", str(found["failed"]))
        suite.set("errors", str(found["error"]))
        suite.set("skipped", str(found["skipped"]))
        suite.set("time", f"{sum(o.seconds for o in group):.3f}")
        for outcome in group:
            case = ET.SubElement(suite, "testcase", classname=name.replace("/", "."), name=f"seed {outcome.seed}")
            case.set("time", f"{outcome.seconds:.3f}")
            if outcome.kind == "passed":
                continue
            tag = {"failed": "failure", "error": "error", "skipped": "skipped"}[outcome.kind]
            message = _NOT_XML.sub("?", outcome.message)
            detail = ET.SubElement(case, tag, message=message)
            if outcome.trace:
                detail.text = f"step {outcome.step}: {message}\ntournee sim replay {outcome.trace}"
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def html(plan: Plan, outcomes: Sequence[Outcome], seconds: float) -> str:
    """One page that needs nothing else."""
    found = counts(outcomes)
    bad = [outcome for outcome in outcomes if not outcome.good]
    verdict = "ok" if found["passed"] and not bad else "bad"
    rate = f"{len(outcomes) / seconds:.1f}" if seconds else "–"
    figures = [
        ("sessions", str(len(outcomes))),
        ("passed", str(found["passed"])),
        ("failed", str(found["failed"])),
        ("errors", str(found["error"])),
        ("skipped", str(found["skipped"])),
        ("duration", f"{seconds:.1f} s"),
        ("per second", rate),
        ("APDUs", str(sum(outcome.apdus for outcome in outcomes))),
    ]
    boxes = "".join(f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in figures)
    rows = "".join(_row(name, board, group) for (name, board), group in _groups(outcomes).items())
    fails = "".join(_failure(outcome) for outcome in bad[:_SHOWN]) or "<p>None.</p>"
    more = f"<p>… and {len(bad) - _SHOWN} more in sessions.jsonl.</p>" if len(bad) > _SHOWN else ""
    title = f"{len(bad)} of {len(outcomes)} sessions did not pass" if bad else f"{found['passed']} sessions passed"
    title += f", {found['skipped']} were skipped" if found["skipped"] else ""
    return _PAGE.format(
        title=escape(title),
        verdict=verdict,
        command=escape(plan.command()),
        boxes=boxes,
        rows=rows,
        count=len(bad),
        failures=fails + more,
    )


def _groups(outcomes: Iterable[Outcome]) -> Mapping[tuple[str, str], list[Outcome]]:
    found: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault((outcome.name, outcome.board), []).append(outcome)
    return found


def _row(name: str, board: str, group: Sequence[Outcome]) -> str:
    found = counts(group)
    bad = found["failed"] + found["error"]
    state = "bad" if bad else "skip" if found["skipped"] == len(group) else "ok"
    times = sorted(outcome.seconds for outcome in group)
    cells = [
        escape(name),
        escape(board),
        str(len(group)),
        str(found["passed"]),
        str(bad),
        str(found["skipped"]),
        f"{median(times) * 1000:.0f}",
        f"{times[-1] * 1000:.0f}",
        f"{median(outcome.simulated_ms for outcome in group):.0f}",
    ]
    return f'<tr class="{state}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n"


def _failure(outcome: Outcome) -> str:
    lines = [json.loads(line) for line in outcome.lines[-_TRACE_ROWS:]]
    shown = "\n".join(describe(row) for row in lines)
    cut = f"… {len(outcome.lines) - _TRACE_ROWS} lines before\n" if len(outcome.lines) > _TRACE_ROWS else ""
    replay = f"<code>tournee sim replay {escape(outcome.trace)}</code>" if outcome.trace else ""
    return (
        f"<details><summary><b>{escape(outcome.name)}</b> [{escape(outcome.board)}] seed {outcome.seed}, "
        f"step {outcome.step}: {escape(outcome.message)}</summary>{replay}<pre>{escape(cut + shown)}</pre></details>\n"
    )


def describe(row: Mapping[str, object]) -> str:
    """A line of a trace for a person."""
    rest = {key: value for key, value in row.items() if key != "t_ms"}
    time = f"{row['t_ms']:>10} ms  " if "t_ms" in row else " " * 15
    if "apdu" in rest:
        answer = f"{rest['data']} " if rest["data"] else ""
        return f"{time}slot {rest['slot']}  {rest['apdu']}  →  {answer}{rest['sw']}"
    event = rest.pop("event", "")
    details = " ".join(f"{key}={value}" for key, value in rest.items() if value not in ("", None))
    if event == "step":
        return f"{time}── step {rest['number']}: {rest['action']}"
    return f"{time}{event}  {details}".rstrip()


_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ok: #1a7f37; --bad: #c62828; --line: #8884; --dim: #777; }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; border-left: .4rem solid var(--{verdict}); padding-left: .8rem; }}
h2 {{ font-size: 1.1rem; margin-top: 2rem; }}
code, pre {{ font: 13px/1.45 ui-monospace, monospace; }}
pre {{ overflow-x: auto; border: 1px solid var(--line); padding: .7rem; border-radius: 6px; }}
.figures {{ display: flex; flex-wrap: wrap; gap: .6rem; }}
.figures div {{ border: 1px solid var(--line); border-radius: 6px; padding: .5rem .9rem; min-width: 5rem; }}
.figures b {{ display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }}
.figures span {{ color: var(--dim); font-size: .85rem; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line); }}
th:nth-child(-n+2), td:nth-child(-n+2) {{ text-align: left; }}
th {{ color: var(--dim); font-weight: 600; }}
td:first-child::before {{ content: "● "; color: var(--dim); }}
tr.ok td:first-child::before {{ color: var(--ok); }}
tr.bad td:first-child::before {{ content: "✕ "; color: var(--bad); }}
details {{ border-bottom: 1px solid var(--line); padding: .4rem 0; }}
summary {{ cursor: pointer; }}
</style></head><body>
<h1>{title}</h1>
<p>SIMULATION. The same again: <code>{command}</code></p>
<div class="figures">{boxes}</div>
<h2>Did not pass ({count})</h2>
{failures}
<h2>Scenarios</h2>
<div class="scroll"><table><thead><tr><th>scenario</th><th>board</th><th>sessions</th><th>passed</th><th>not passed</th>
<th>skipped</th><th>median ms</th><th>longest ms</th><th>simulated ms</th></tr></thead><tbody>
{rows}</tbody></table></div>
</body></html>
"""
