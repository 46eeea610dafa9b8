"""One place where an error becomes a sentence, a remedy and an exit code (docs/CLI.md)."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from tournee.errors import TourneeError

BUG, USAGE, REFUSED, CARD, NETWORK, INTERRUPTED = 1, 2, 3, 4, 5, 130
DEBUG_VARIABLE = "TOURNEE_DEBUG"

_ENVIRONMENT = {
    errno.ENOSPC: ("plus de place sur le disque", "Libérez de la place, puis relancez la commande."),
    errno.EDQUOT: ("quota de disque épuisé", "Libérez de la place dans votre quota, puis relancez la commande."),
    errno.EFBIG: ("fichier plus grand que ce système permet", "Écrivez sur un autre disque, ou levez la limite (ulimit -f)."),
    errno.EIO: ("le support ne se lit ou ne s'écrit plus", "Vérifiez le disque ou le terminal, puis relancez la commande."),
    errno.EROFS: ("le disque est en lecture seule", "Écrivez dans un autre dossier."),
    errno.EMFILE: ("trop de fichiers ouverts", "Fermez des programmes, ou levez la limite (ulimit -n)."),
    errno.ENFILE: ("trop de fichiers ouverts", "Fermez des programmes, puis relancez la commande."),
}  # fmt: skip
"""What the machine refuses, in whatever file: what is said, and the remedy."""


def run_guarded(command: click.Command, argv: Sequence[str] | None) -> int:
    """Exit code of one run; an error prints what happened and the one thing to do.

    An error that is ours to mend is told by its kind and place only: its text may hold personal data. With
    `TOURNEE_DEBUG=1` it goes through, with its traceback.
    """
    streams = sys.stdout, sys.stderr
    try:
        result = command.main(args=list(argv) if argv is not None else None, standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()  # a full disk is told here, not by the interpreter when it ends
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
        return _reader_left()
    except SystemExit as exc:
        # A closed pipe: click wraps both streams and ends with 1, rich ends with 1.
        if sys.stdout is streams[0] and not isinstance(exc.__context__, BrokenPipeError):
            raise
        sys.stdout, sys.stderr = streams
        return _reader_left()
    except OSError as exc:
        return _environment(exc)
    except Exception as exc:
        return _bug(exc)


def _reader_left() -> int:
    _silence()
    return 0


def _silence() -> None:
    """What stands in the buffer of the standard output has no way out any more: it is not tried again at exit."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError, AttributeError):
        pass  # no standard output, or one without a file


def _environment(exc: OSError) -> int:
    known = _ENVIRONMENT.get(exc.errno or 0)
    if known is None and exc.filename is None:
        return _bug(exc)
    what, remedy = known or (exc.strerror, "Vérifiez le chemin, les droits et la place.")
    place = exc.filename or "Lecture ou écriture impossible"
    if not exc.filename:
        _silence()
    print(f"{place} : {what}.\n→ {remedy}", file=sys.stderr)
    return USAGE


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
