"""Talking to a running simulated terminal from another process: a unix socket with JSON lines, one request one reply.

Request `{"op": "insert", "slot": 1, "card": "vitale-seule"}`; reply `{"version": 1, "ok": true, …}` or
`{"version": 1, "ok": false, "error": …, "remedy": …}`. Operations: status, insert, pull, type, display, fault, clear, kill, restart, stop.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any, Final

VERSION: Final = 1
DESCRIPTION: Final = "terminal.json"
TIMEOUT_S: Final = 30.0
RUNTIME_PREFIX: Final = "tournee-"
"""Of the folder of sockets, in the system's folder for temporary files: paths of unix sockets are short."""


class ControlError(RuntimeError):
    """No terminal to talk to, or it refused; `remedy` is the one thing to do."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def default_root() -> Path:
    """Where the states of simulated terminals are: `TOURNEE_HOME/sim`, else the user's state folder."""
    if named := os.environ.get("TOURNEE_HOME"):
        return Path(named) / "sim"
    from platformdirs import user_state_path

    return user_state_path("tournee", appauthor=False) / "sim"


def state_of(name: str, state: Path | None) -> Path:
    """State directory of the terminal `name`, or the one given."""
    return state if state is not None else default_root() / name


class StateLock:
    """Held by the process that runs the terminal of a state directory; it falls with the process, whatever ends it."""

    def __init__(self, state: Path) -> None:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._description = state / DESCRIPTION
        self._descriptor = os.open(state / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise ControlError(
                f"a terminal already runs with the state {state}",
                "stop it with `tournee sim down`, or start another one with --name",
            ) from None
        _sweep(self._description)

    def describe(self, **values: Any) -> None:
        """Say to other processes how to reach the terminal."""
        temporary = self._description.with_suffix(".new")
        temporary.write_text(json.dumps({"version": VERSION, "pid": os.getpid()} | values), "utf-8")
        temporary.chmod(0o600)
        temporary.replace(self._description)

    def release(self) -> None:
        self._description.unlink(missing_ok=True)
        os.close(self._descriptor)


def _sweep(description: Path) -> None:
    """Remove what a terminal that was killed left: its description and its folder of sockets."""
    try:
        left = Path(json.loads(description.read_text("utf-8"))["control"]).parent
    except (OSError, ValueError, KeyError, TypeError):
        return
    if left.parent == Path(tempfile.gettempdir()) and left.name.startswith(RUNTIME_PREFIX):
        shutil.rmtree(left, ignore_errors=True)
    description.unlink(missing_ok=True)


def describe(state: Path) -> dict[str, Any]:
    """What the running terminal of `state` said of itself; raises ControlError, also when it died without saying so."""
    nobody = ControlError(f"no terminal runs with the state {state}", "start one with `tournee sim up`")
    try:
        descriptor = os.open(state / "lock", os.O_RDWR)
    except OSError:
        raise nobody from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    else:
        raise nobody
    finally:
        os.close(descriptor)
    try:
        found: dict[str, Any] = json.loads((state / DESCRIPTION).read_text("utf-8"))
    except (OSError, ValueError):
        raise ControlError(f"the terminal of {state} is still starting", "try again in a second") from None
    return found


def ask(state: Path, op: str, **values: Any) -> dict[str, Any]:
    """One request to the terminal of `state`; raises ControlError with the terminal's own words."""
    request = json.dumps({"op": op} | {k: v for k, v in values.items() if v is not None}) + "\n"
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.connect(describe(state)["control"])
            connection.sendall(request.encode())
            with connection.makefile("rb") as stream:
                reply: dict[str, Any] = json.loads(stream.readline() or b"{}")
    except (OSError, ValueError) as exc:
        raise ControlError(
            f"the terminal of {state} does not answer ({exc})", "look at its window and its log"
        ) from exc
    if not reply.get("ok"):
        raise ControlError(str(reply.get("error", "no answer")), str(reply.get("remedy", "")))
    return reply
