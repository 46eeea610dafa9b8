"""Files that appear whole or not at all: written beside their place under names nobody uses, then given their own names together."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

from tournee.errors import UsageError

_STDOUT = 1


@dataclass(frozen=True, slots=True)
class _Part:
    temporary: Path
    asked: Path
    target: Path
    fresh: bool
    plain: bool  # a device, a pipe or our own standard output: written into, not replaced


class Outputs:
    """Files being made. `publish` names them all; what was not published when the block ends, for whatever reason, is removed."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self._folders: list[Path] = []
        self._stack = ExitStack()

    def __enter__(self) -> Outputs:
        self._stack.enter_context(stoppable())
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        with self._stack, _undisturbed():
            for part in self._parts:
                part.temporary.unlink(missing_ok=True)
            for folder in self._folders:
                if not any(folder.iterdir()):
                    folder.rmdir()

    def folder(self, path: Path) -> None:
        """Makes a folder and those above it; those that hold nothing in the end are removed again."""
        self._folders = [p for p in (path, *path.parents) if not p.exists()]
        path.mkdir(parents=True, exist_ok=True)

    def begin(self, out: Path, *, fresh: bool = False) -> Path:
        """An empty file to fill instead of `out`. Raises UsageError if `fresh` and `out` exists, OSError that names `out`."""
        if out.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(out))
        if fresh:
            _refuse_existing(out)
        plain = _is_stdout(out) or (out.exists() and not out.is_file())
        target = out if plain else Path(os.path.realpath(out))  # a symlink stays and leads to the new file
        try:
            handle, name = tempfile.mkstemp(".part", f".{out.name[:100]}.", None if plain else target.parent)
        except OSError as exc:
            raise OSError(exc.errno, exc.strerror, str(out)) from exc
        os.close(handle)
        self._parts.append(_Part(Path(name), out, target, fresh, plain))
        return Path(name)

    def publish(self) -> list[Path]:
        """Gives the files their names; on a fault none of the new ones stays."""
        named: list[Path] = []
        try:
            for part in self._parts:
                if part.plain:
                    _pour(part)
                    continue
                if part.fresh:
                    _refuse_existing(part.asked)
                _same_rights(part)
                if not os.path.lexists(part.target):
                    named.append(part.target)
                part.temporary.replace(part.target)
        except BaseException:
            for path in named:
                path.unlink(missing_ok=True)
            raise
        return [part.asked for part in self._parts]


@contextmanager
def stoppable() -> Iterator[None]:
    """Within it a signal that ends the process does so as an exception: what is unfinished is removed first."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    with _handling(("SIGTERM", "SIGHUP"), end):
        yield


@contextmanager
def _undisturbed() -> Iterator[None]:
    with _handling(("SIGINT", "SIGTERM", "SIGHUP"), signal.SIG_IGN, also_ours=True):
        yield


@contextmanager
def _handling(names: tuple[str, ...], handler: object, *, also_ours: bool = False) -> Iterator[None]:
    """Signals that somebody else handles or ignores (nohup) stay as they are unless `also_ours`."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        known = [getattr(signal, name) for name in names if hasattr(signal, name)]
        before = {s: signal.getsignal(s) for s in known if also_ours or signal.getsignal(s) is signal.SIG_DFL}
    try:
        for number in before:
            signal.signal(number, handler)  # type: ignore[arg-type]
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _refuse_existing(out: Path) -> None:
    if os.path.lexists(out):
        raise UsageError(f"{out} existe déjà ; rien n'a été écrit.", "Donnez un autre nom ou dossier, ou supprimez-le.")


def _is_stdout(out: Path) -> bool:
    """Also when it is a file: `-o /dev/stdout >> all` appends, and what was written before it stays."""
    try:
        return os.path.samestat(out.stat(), os.fstat(_STDOUT))
    except OSError:
        return False


def _same_rights(part: _Part) -> None:
    """Those of the file that is replaced; else those of any new file (a temporary one is for its owner alone)."""
    if part.target.exists():
        shutil.copymode(part.target, part.temporary)
        return
    os.umask(mask := os.umask(0))
    part.temporary.chmod(0o666 & ~mask)


def _pour(part: _Part) -> None:
    into = open(_STDOUT, "wb", closefd=False) if _is_stdout(part.target) else part.target.open("wb")  # noqa: SIM115
    with part.temporary.open("rb") as source, into:
        shutil.copyfileobj(source, into)
