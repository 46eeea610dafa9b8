"""Real pcscd for tests, each in a mount namespace with a /run of its own: the person's own pcscd is neither stopped nor seen.

`places()` are the readers that it drives: the terminal's serial CCID line on the boards unix and qemu, and vsmartcard's virtual reader.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.tools import qemu
from tournee_sim.boards.ccid import SOCKET, namespace
from tournee_sim.boards.qemu import IMAGE_VARIABLE
from tournee_sim.boards.vpcd import VpcdReader
from tournee_sim.cards.factory import make_card
from tournee_sim.cards.tpdu import TpduCard
from tournee_sim.pki import Pki
from tournee_sim.pytest_plugin import need

READER = "Tournee SIMULATION 00 0"
CLIENT_VARIABLE = "PCSCLITE_CSOCK_NAME"
VPCD = "vpcd"
CPS, VITALE = "cps-medecin", "vitale-famille"
_ATRS = {"cps": "3b:ac:00:40:2a:00:12:25:00:64:80:00:03:10:00:90:00", "vitale": "3b:75:13:00:00:47:09:ea:90:00"}


def atr_of(card: str) -> str:
    """As opensc-tool writes it; empty for a card that is neither a CPS nor a Vitale 2."""
    return _ATRS.get(card.partition("-")[0], "")


class Daemon:
    """One pcscd and the clients that speak to it."""

    def __init__(self, folder: Path) -> None:
        """`folder`: its reader.conf.d."""
        self._configuration = folder
        self._unshare = ["unshare", "--map-root-user", "--mount"]
        if subprocess.run([*self._unshare, "true"], capture_output=True, check=False).returncode:
            self._unshare.remove("--map-root-user")  # no user namespaces: root may do it as it is
        self._start()

    def _start(self) -> None:
        self._run = Path(tempfile.mkdtemp(prefix="tournee-pcscd-"))  # short: the socket's path may not pass 107 bytes
        script = f"{namespace(self._run)} && exec pcscd --foreground -c '{self._configuration}'"
        command = [*self._unshare, "sh", "-c", script]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.socket = str(self._run / SOCKET)
        self.environment = os.environ | {CLIENT_VARIABLE: self.socket, "LC_ALL": "C"}

    def wait(self, atrs: Sequence[str]) -> None:
        """Until every card answers; an empty ATR is any."""

        def seen() -> bool:
            said = [self._atr(slot) for slot in range(len(atrs))]
            return all(atr and (not wanted or atr == wanted) for atr, wanted in zip(said, atrs, strict=True))

        self._until(seen)

    def wait_cards(self, *present: bool) -> None:
        """Until its readers show cards where there are some, of whatever kind."""
        wanted = ["Yes" if there else "No" for there in present]

        def seen() -> bool:
            rows = [line.split() for line in self.run("opensc-tool", "-l", code=None).splitlines()]
            return [row[1] for row in rows if row and row[0].isdigit()] == wanted

        self._until(seen)

    def _until(self, seen: Callable[[], bool]) -> None:
        """On a machine so busy that the first answer takes 2 s the driver drops the reader for good: then pcscd begins again."""
        for _ in range(3):
            end = time.monotonic() + 30
            while time.monotonic() < end:
                assert self.process.poll() is None, "pcscd ended"
                if seen():
                    return
            self.close()
            self._start()
        pytest.fail("pcscd does not see the cards")

    def _atr(self, slot: int) -> str:
        command = ["opensc-tool", "-r", str(slot), "-a"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    def run(self, *command: str, stdin: str = "", code: int | None = 0) -> str:
        """Output and error text of a client."""
        done = subprocess.run(
            command,
            env=self.environment,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert code is None or done.returncode == code, done.stdout
        return done.stdout

    def open_here(self) -> None:
        """Let pyscard in this process find it: the library reads the variable once, so one name leads to one daemon after the other."""
        name = _client_socket()
        name.unlink(missing_ok=True)
        name.symlink_to(self.socket)

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self._run, ignore_errors=True)  # closed once already: it is gone


@cache
def _client_socket() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tournee-pcsc-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ[CLIENT_VARIABLE] = str(folder / "comm")
    return folder / "comm"


class Place:
    """A reader with cards and its pcscd, which has seen them."""

    counters: Callable[[int], dict[str, int]]

    def __init__(self, daemon: Daemon, board: Any = None) -> None:
        """`board`: the terminal, if there is one."""
        self.daemon = daemon
        self.run = daemon.run
        self.board = board


class Places:
    """`place("SEC1210")`, "GemPCTwin", "GemPCPinPad", the same with "qemu-" before, or "vpcd"; closed with the stack."""

    def __init__(self, stack: contextlib.ExitStack, terminals: Callable[..., Any], keys: Path, folder: Path) -> None:
        self._stack = stack
        self._terminals = terminals
        self._keys = keys
        self._folder = folder

    def __call__(self, kind: str, *cards: str, pin: str = "4711", **options: Any) -> Place:
        """`cards` by slot: a CPS and a Vitale, or the CPS alone where there is one slot."""
        if kind == VPCD:
            place = self._vpcd(cards or (CPS, VITALE), pin)
        else:
            place = self._ccid(kind, cards, pin, options)
        self._stack.callback(place.daemon.close)
        place.daemon.wait([atr_of(card) for card in cards or self._usual(kind)])
        return place

    def _usual(self, kind: str) -> tuple[str, ...]:
        return (CPS,) if "GemPC" in kind else (CPS, VITALE)

    def _ccid(self, kind: str, cards: tuple[str, ...], pin: str, options: dict[str, Any]) -> Place:
        need("ccidtwin")
        need("tty")
        reader = kind.removeprefix("qemu-")
        if reader != kind:
            patch = self._stack.enter_context(pytest.MonkeyPatch.context())
            patch.setenv(IMAGE_VARIABLE, str(qemu.image()))
            options |= {"board": "qemu"}
        if cards:
            options |= {"cps": cards[0], "vitale": cards[1] if len(cards) > 1 else None}
        state = self._folder / "terminal"
        board = self._terminals(pcsc=reader, pin=pin, state=state, **options)
        place = Place(Daemon(state / "reader.conf.d"), board)
        place.counters = lambda slot: board.counters()["cards"][slot]
        return place

    def _vpcd(self, cards: tuple[str, ...], pin: str) -> Place:
        need("pcscd")
        need("ccidtwin")  # the clients
        pki = Pki(self._keys)
        first, second = (TpduCard(make_card(card, pki=pki, pin=pin)) for card in (*cards, VITALE)[:2])
        reader = self._stack.enter_context(VpcdReader(first, second))
        folder = self._folder / "reader.conf.d"
        folder.mkdir()
        (folder / "vpcd").write_text(reader.configuration, "utf-8")
        place = Place(Daemon(folder))
        place.counters = lambda slot: reader.slots[slot].card.card.memory.snapshot()
        return place
