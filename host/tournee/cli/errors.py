"""One place where an error becomes a sentence, a remedy and an exit code (docs/CLI.md)."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from tournee.errors import TourneeError

BUG, USAGE, REFUSED, CARD, NETWORK, INTERRUPTED = 1, 2, 3, 4, 5, 130
DEBUG_VARIABLE = "TOURNEE_DEBUG"


def run_guarded(command: click.Command, argv: Sequence[str] | None) -> int:
    """Exit code of one run; an error prints what happened and the one thing to do.

    An error that is ours to mend is told by its kind and place only: its text may hold personal data. With
    `TOURNEE_DEBUG=1` it goes through, with its traceback.
    """
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
    except BrokenPipeError:
        sys.stdout = io.StringIO()  # the reader left: nothing is to be flushed at exit
        return 0
    except OSError as exc:
        if exc.filename is None:
            return _bug(exc)
        print(f"{exc.filename} : {exc.strerror}.\n→ Vérifiez le chemin, les droits et la place.", file=sys.stderr)
        return USAGE
    except Exception as exc:
        return _bug(exc)


def _debug() -> bool:
    return os.environ.get(DEBUG_VARIABLE, "") not in ("", "0")


def _bug(exc: Exception) -> int:
    if _debug():
        raise exc
    frames = exc.__traceback__
    while frames is not None and frames.tb_next is not None:
        frames = frames.tb_next
    place = ""
    if frames is not None:
        place = f" ({Path(frames.tb_frame.f_code.co_filename).name}:{frames.tb_lineno})"
    print(
        f"Erreur interne : {type(exc).__name__}{place}. Vos données restent telles que le journal les a."
        f"\n→ Signalez-la (voir SECURITY.md et CONTRIBUTING.md) ; {DEBUG_VARIABLE}=1 montre le détail,"
        " qui peut contenir des données personnelles.",
        file=sys.stderr,
    )
    return BUG
