"""One place where an error becomes a sentence, a remedy and an exit code (docs/CLI.md)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from tournee.errors import TourneeError

BUG, USAGE, REFUSED, CARD, NETWORK, INTERRUPTED = 1, 2, 3, 4, 5, 130


def run_guarded(command: click.Command, argv: Sequence[str] | None) -> int:
    """Exit code of one run; a `TourneeError` prints what happened and the one thing to do, never a traceback."""
    try:
        result = command.main(args=list(argv) if argv is not None else None, standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except click.ClickException as exc:
        exc.show()
        return USAGE
    except (KeyboardInterrupt, click.exceptions.Abort):
        print("\ninterrompu", file=sys.stderr)
        return INTERRUPTED
    except TourneeError as exc:
        print(f"{exc.what}" + (f"\n→ {exc.remedy}" if exc.remedy else ""), file=sys.stderr)
        return exc.exit_code
