"""A POP3 server over asyncio: RFC 1939 with UIDL, TOP left out, CAPA of RFC 2449. Deletions happen at QUIT only."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Callable

from tournee_sim.funds.maildrop import Maildrops, Stored

MAX_LINE_BYTES = 255
MAX_BAD_COMMANDS = 20
IDLE_S = 600  # RFC 1939 §3: at least 10 minutes
CAPABILITIES = ("USER", "UIDL", "RESP-CODES", "IMPLEMENTATION tournee-sim")


class _Refusal(Exception):
    """A `-ERR` with its text."""


class Pop3Server:
    """Every address is a user; they share one password. One session per maildrop at a time."""

    def __init__(self, maildrops: Maildrops, password: str) -> None:
        self._maildrops = maildrops
        self._password = password
        self._locked: set[str] = set()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(self._maildrops, self._password, self._locked)
        try:
            await session.run(reader, writer)
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            pass  # gone, idle or an endless line: no QUIT, so nothing is deleted
        finally:
            session.unlock()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


class _Session:
    def __init__(self, maildrops: Maildrops, password: str, locked: set[str]) -> None:
        self._maildrops = maildrops
        self._password = password
        self._locked = locked
        self._user = ""
        self._mails: list[Stored] | None = None  # None: not authenticated
        self._deleted: set[int] = set()
        self._holds_lock = False

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK tournee-sim POP3 (SIMULATION)\r\n")
        bad = 0
        while bad < MAX_BAD_COMMANDS:
            await writer.drain()
            line = await asyncio.wait_for(reader.readline(), IDLE_S)
            if not line.endswith(b"\n") or len(line) > MAX_LINE_BYTES:
                return
            words = line.decode("latin-1").strip().split(" ", 1)
            name, argument = words[0].upper(), words[1].strip() if len(words) > 1 else ""
            try:
                if name == "QUIT":
                    self._commit()
                    writer.write(b"+OK bye\r\n")
                    await writer.drain()
                    return
                writer.write(self._answer(name, argument))
            except _Refusal as exc:
                bad += 1
                writer.write(f"-ERR {exc}\r\n".encode("ascii"))

    def unlock(self) -> None:
        if self._holds_lock:
            self._locked.discard(self._user)
            self._holds_lock = False

    def _answer(self, name: str, argument: str) -> bytes:
        anybody: dict[str, Callable[[str], bytes]] = {"CAPA": self._capa, "USER": self._user_, "PASS": self._pass}
        owner: dict[str, Callable[[str], bytes]] = {
            "STAT": self._stat,
            "LIST": self._list,
            "UIDL": self._uidl,
            "RETR": self._retr,
            "DELE": self._dele,
            "RSET": self._rset,
            "NOOP": lambda _: _ok(),
        }
        if name in anybody:
            return anybody[name](argument)
        if name not in owner:
            raise _Refusal("unknown command")
        if self._mails is None:
            raise _Refusal("log in first")
        return owner[name](argument)

    def _capa(self, _: str) -> bytes:
        return _lines("capabilities", CAPABILITIES)

    def _user_(self, argument: str) -> bytes:
        if self._mails is not None or not argument:
            raise _Refusal("not now")
        self._user = argument.lower()
        return _ok()

    def _pass(self, argument: str) -> bytes:
        if self._mails is not None or not self._user:
            raise _Refusal("USER first")
        if not hmac.compare_digest(argument.encode("latin-1"), self._password.encode()):
            raise _Refusal("[AUTH] wrong user or password")
        if self._user in self._locked:
            raise _Refusal("[IN-USE] another session holds this maildrop")
        self._locked.add(self._user)
        self._holds_lock = True
        self._mails = self._maildrops.mails(self._user)
        return _ok(f"{len(self._mails)} messages")

    def _stat(self, _: str) -> bytes:
        live = self._live()
        return _ok(f"{len(live)} {sum(m.size for _, m in live)}")

    def _list(self, argument: str) -> bytes:
        if argument:
            number, mail = self._one(argument)
            return _ok(f"{number} {mail.size}")
        return _lines("list", [f"{n} {m.size}" for n, m in self._live()])

    def _uidl(self, argument: str) -> bytes:
        if argument:
            number, mail = self._one(argument)
            return _ok(f"{number} {mail.uid}")
        return _lines("uidl", [f"{n} {m.uid}" for n, m in self._live()])

    def _retr(self, argument: str) -> bytes:
        _, mail = self._one(argument)
        data = mail.path.read_bytes()
        if not data.endswith(b"\r\n"):
            data += b"\r\n"
        stuffed = (b"\r\n" + data).replace(b"\r\n.", b"\r\n..")[2:]
        return _ok(f"{mail.size} octets") + stuffed + b".\r\n"

    def _dele(self, argument: str) -> bytes:
        number, _ = self._one(argument)
        self._deleted.add(number)
        return _ok()

    def _rset(self, _: str) -> bytes:
        self._deleted.clear()
        return _ok()

    def _commit(self) -> None:
        for number, mail in enumerate(self._mails or [], 1):
            if number in self._deleted:
                self._maildrops.delete(self._user, mail.uid)

    def _live(self) -> list[tuple[int, Stored]]:
        return [(n, m) for n, m in enumerate(self._mails or [], 1) if n not in self._deleted]

    def _one(self, argument: str) -> tuple[int, Stored]:
        for number, mail in self._live():
            if argument == str(number):
                return number, mail
        raise _Refusal("no such message")


def _ok(text: str = "") -> bytes:
    return f"+OK {text}".rstrip().encode("ascii") + b"\r\n"


def _lines(title: str, lines: list[str] | tuple[str, ...]) -> bytes:
    return _ok(title) + "".join(f"{line}\r\n" for line in lines).encode("ascii") + b".\r\n"
