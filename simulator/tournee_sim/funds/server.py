"""One process: SMTP in, POP3 out, a desk between them. A mail is judged before its end is confirmed, so its answers wait already."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tournee_sim.funds.desk import FundDesk, Policy
from tournee_sim.funds.maildrop import write_durably
from tournee_sim.funds.pop3 import Pop3Server
from tournee_sim.funds.post import MAX_MAIL_BYTES
from tournee_sim.pki import Pki

HOST = "127.0.0.1"
DIED = 70  # exit code of a fault that ends the process


class Fault(StrEnum):
    NONE = "none"
    BUSY = "busy"  # 451 to every DATA
    DIE_IN_DATA = "die-in-data"  # ends when the whole message has come, nothing kept
    DIE_AFTER_KEEPING = "die-after-keeping"  # ends when it is kept, before the confirmation
    RETURN_TWICE = "return-twice"  # every return comes a second time (a `Policy`, not the server, does it)


@dataclass(frozen=True)
class Ready:
    """What the ready file says. `password` opens every maildrop and the SMTP login; the user is the mail address."""

    version: int
    pid: int
    smtp_host: str
    smtp_port: int
    pop3_host: str
    pop3_port: int
    password: str
    destinations: str
    directory: str
    funds: dict[str, str]  # code → mailbox


class _Inbound:
    """aiosmtpd's handler."""

    def __init__(self, desk: FundDesk, fault: Fault) -> None:
        self._desk = desk
        self._fault = fault

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        if address.lower() not in self._desk.mailboxes:
            return "550 5.1.1 no such mailbox here (SIMULATION)"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self._fault is Fault.BUSY:
            return "451 4.3.2 try again later (SIMULATION)"
        if self._fault is Fault.DIE_IN_DATA:
            os._exit(DIED)
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        kept = self._desk.accept(content, envelope.mail_from or "", envelope.rcpt_tos)
        if self._fault is Fault.DIE_AFTER_KEEPING:
            os._exit(DIED)
        self._desk.process(kept)
        return "250 2.0.0 kept"


async def serve(
    directory: Path,
    pki: Pki,
    funds: Sequence[str],
    policy: Policy,
    *,
    smtp_port: int = 0,
    pop3_port: int = 0,
    password: str = "",
    ready_file: Path | None = None,
    fault: Fault = Fault.NONE,
    told: Any = None,
) -> None:
    """Runs until SIGINT or SIGTERM. `told(Ready)` is called when both ports listen; then the ready file is written."""
    desk = FundDesk(directory, pki, funds, policy)
    secret = password or _password(desk.directory)
    destinations = desk.directory / "destinations.json"
    write_durably(destinations, json.dumps(desk.destinations(), indent=1).encode())
    loop = asyncio.get_running_loop()

    def login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and secrets.compare_digest(data.password, secret.encode())
        return AuthResult(success=good, handled=good)  # not handled: aiosmtpd answers 535

    def connection() -> SMTP:
        return SMTP(
            _Inbound(desk, fault),
            data_size_limit=MAX_MAIL_BYTES,
            hostname="fund.simulation.invalid",
            ident="tournee-sim",
            enable_SMTPUTF8=False,
            authenticator=login,
            auth_require_tls=False,
        )

    smtp = await loop.create_server(connection, HOST, smtp_port)
    pop3 = await asyncio.start_server(Pop3Server(desk.maildrops, secret), HOST, pop3_port)
    ready = Ready(
        version=1,
        pid=os.getpid(),
        smtp_host=HOST,
        smtp_port=smtp.sockets[0].getsockname()[1],
        pop3_host=HOST,
        pop3_port=pop3.sockets[0].getsockname()[1],
        password=secret,
        destinations=str(destinations),
        directory=str(desk.directory),
        funds={code: address for address, code in desk.mailboxes.items()},
    )
    if told is not None:
        told(ready)
    if ready_file is not None:
        write_durably(ready_file, json.dumps(asdict(ready), indent=1).encode())
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await stop.wait()
    finally:
        smtp.close()
        pop3.close()
        if ready_file is not None:
            _remove(ready_file)


def _password(directory: Path) -> str:
    """The same after a restart, so that an account stays valid."""
    path = directory / "account.json"
    if path.exists():
        return str(json.loads(path.read_bytes())["password"])
    made = secrets.token_urlsafe(12)
    write_durably(path, json.dumps({"password": made}).encode())
    return made


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
