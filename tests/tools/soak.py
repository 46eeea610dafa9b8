"""Fuzzed cards and hosts against the firmware in real MicroPython: `python -m tests.tools.soak [--exchanges N] [--seed N] [--write]`.

`make soak` is 1 000 000 exchanges, its result in docs/RELIABILITY.md. Exit code 4 when the firmware failed, with the seed that shows it.
"""

from __future__ import annotations

import argparse
import json
import queue
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from tournee_protocol.link import Status
from tournee_sim.boards.process import find_micropython

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/RELIABILITY.md"
BEGIN, END = "<!-- soak: make soak -->\n", "<!-- end of soak -->\n"
HEAP = "384k"  # as tests/firmware/conftest.py: the board's 320k and the fakes
HANG_S = 300.0
"""Without a finished round (500 exchanges, about a second) for so long, the firmware hangs."""


class SoakFailed(Exception):
    """What the firmware did; with the seed and the round."""


@dataclass(frozen=True)
class Result:
    """`growth`: bytes that the heap held more than after the warm-up, at most; `statuses` by name."""

    seed: int
    exchanges: int
    seconds: float
    growth: int
    heap: int
    statuses: dict[str, int]


def run(
    seed: int,
    exchanges: int,
    on_round: Callable[[int], None] = lambda done: None,
    hang_s: float = HANG_S,
    limit_s: int = 1_000_000,
) -> Result:
    """At least `exchanges`, or those done in `limit_s`; raises SoakFailed."""
    begun = time.monotonic()
    script = ROOT / "tests/firmware/soak.py"
    command = [find_micropython(), "-X", f"heapsize={HEAP}", str(script), str(ROOT), str(seed)]
    command += [str(exchanges), str(limit_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_read, args=(process, lines), daemon=True).start()
        other: list[str] = []
        rounds = 0
        while True:
            try:
                line = lines.get(timeout=hang_s)
            except queue.Empty:
                process.kill()
                raise SoakFailed(f"seed {seed}: no end of round {rounds} within {hang_s:.0f} s: it hangs") from None
            if line is None:
                tail = "\n".join(other[-20:])
                raise SoakFailed(f"seed {seed}, round {rounds}: exit {process.wait()}\n{tail}")
            word, _, rest = line.partition(" ")
            if word == "ROUND":
                rounds = int(rest.split()[0])
                on_round(int(rest.split()[1]))
            elif word == "DONE":
                return _result(seed, json.loads(rest), time.monotonic() - begun)
            else:
                other.append(line)


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout
    for line in process.stdout:
        lines.put(line.rstrip("\n"))
    lines.put(None)


def _result(seed: int, figures: dict[str, Any], seconds: float) -> Result:
    named = {Status(int(number)).name: count for number, count in figures["statuses"].items()}
    ordered = dict(sorted(named.items(), key=lambda item: -item[1]))
    return Result(seed, figures["exchanges"], seconds, figures["growth"], figures["heap"], ordered)


def write(result: Result) -> None:
    """The block of docs/RELIABILITY.md."""
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    answers = ", ".join(f"{name} {count}" for name, count in result.statuses.items())
    minutes = f"{result.seconds / 60:.1f} min"
    rows = (
        "| date (UTC) | seed | exchanges | duration | result |\n|---|---|---|---|---|\n"
        f"| {datetime.now(UTC):%Y-%m-%d} | {result.seed} | {result.exchanges} | {minutes} | no crash, no hang, heap grew by "
        f"{result.growth} bytes at most, slots usable after each of {result.exchanges // 500} rounds |\n\n"
        f"Answers: {answers}.\n"
    )
    PAGE.write_text(f"{head}{BEGIN}{rows}{END}{tail}", "utf-8")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--exchanges", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, help="random when not given")
    parser.add_argument("--minutes", type=int, default=10_000, help="end after so long with what is done")
    parser.add_argument("--write", action="store_true", help="write the result into docs/RELIABILITY.md")
    options = parser.parse_args(argv)
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"seed {seed}", total=options.exchanges)
        try:
            told = lambda done: progress.update(task, completed=done)  # noqa: E731
            result = run(seed, options.exchanges, told, limit_s=60 * options.minutes)
        except SoakFailed as exc:
            print(f"{exc}\n→ repeat it: python -m tests.tools.soak --seed {seed}", file=sys.stderr)
            return 4
    print(
        f"{result.exchanges} exchanges, seed {seed}, {result.seconds:.0f} s, heap growth {result.growth} bytes: all good"
    )
    if options.write:
        write(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
