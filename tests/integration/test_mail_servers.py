"""The mail adapters against servers that encrypt, that are mute, and that end at the worst moment."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tournee.transmit.adapters.mailbox import AccountMailbox
from tournee.transmit.errors import MailboxUnavailable, MailRefused, MailUnknown
from tournee.transmit.settings import MailAccount, Security
from tournee_sim.funds.maildrop import Maildrops
from tournee_sim.funds.pop3 import Pop3Server

PASSWORD = "not a secret"
USER = "cabinet@medecin.invalid"
MESSAGE = b"Subject: a\r\n\r\n.leading dot\r\n..two\r\nend"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and self-signed certificate for 127.0.0.1, in one PEM."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.simulation.invalid")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


class Inbox:
    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        return "250 OK"


@contextmanager
def loop_with(start: Callable[[], Any]) -> Iterator[Any]:
    """Runs the two servers that `start` (async) returns in a loop of their own; gives their ports."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        servers = asyncio.run_coroutine_threadsafe(start(), loop).result(20)
        yield [server.sockets[0].getsockname()[1] for server in servers]
        for server in servers:
            loop.call_soon_threadsafe(server.close)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


# aiosmtpd knows of STARTTLS alone; TLS from the first byte is outside it
@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_both_ways_are_encrypted_and_checked(security: Security, certificate: Path, tmp_path: Path) -> None:
    inbox, drops = Inbox(), Maildrops(tmp_path)
    drops.deliver(USER, "0001", MESSAGE)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    inside = security == "tls"

    def smtp() -> SMTP:
        return SMTP(
            inbox,
            tls_context=None if inside else context,
            require_starttls=not inside,
            authenticator=lambda *a: AuthResult(success=a[-1].password == PASSWORD.encode()),
            auth_required=True,
            auth_require_tls=not inside,
        )

    async def start() -> tuple[asyncio.Server, asyncio.Server]:
        loop = asyncio.get_running_loop()
        out = await loop.create_server(smtp, "127.0.0.1", 0, ssl=context if inside else None)
        back = await asyncio.start_server(Pop3Server(drops, PASSWORD), "127.0.0.1", 0, ssl=context if inside else None)
        return out, back

    with loop_with(start) as (smtp_port, pop3_port):
        account = MailAccount(
            USER, "127.0.0.1", smtp_port, "127.0.0.1", pop3_port, password=PASSWORD, smtp_security=security,
            pop3_security="tls" if inside else "none", ca_file=str(certificate), timeout_s=20,
        )  # fmt: skip
        steps: list[tuple[int, int]] = []
        with AccountMailbox(account, lambda done, total: steps.append((done, total))) as box:
            box.send(MESSAGE, USER, "caisse@fonds.invalid")
            assert inbox.mails == [MESSAGE + b"\r\n"] and steps[-1][0] == steps[-1][1]
            assert [box.fetch(uid) for uid in box.uids()] == [MESSAGE + b"\r\n"]
        untrusted = MailAccount(
            USER, "127.0.0.1", smtp_port, "127.0.0.1", pop3_port, password=PASSWORD, smtp_security=security,
            pop3_security="tls", timeout_s=20,
        )  # fmt: skip
        with pytest.raises(MailRefused, match="certificat"):
            AccountMailbox(untrusted).send(MESSAGE, USER, "caisse@fonds.invalid")
        if inside:
            with pytest.raises(MailboxUnavailable, match="certificat"):
                AccountMailbox(untrusted).uids()
        assert len(inbox.mails) == 1


@contextmanager
def scripted(*answers: bytes, swallow: int = 0) -> Iterator[MailAccount]:
    """An SMTP server that gives `answers` one after the other, reads `swallow` bytes of data, and hangs up."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        line, _ = listening.accept()
        with line, line.makefile("rb") as lines:
            line.sendall(answers[0])
            for answer in answers[1:]:
                lines.readline()
                line.sendall(answer)
            if swallow:
                lines.read(swallow)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, as of a killed process

    thread = threading.Thread(target=serve)
    thread.start()
    port = listening.getsockname()[1]
    yield MailAccount(
        USER, "127.0.0.1", port, "127.0.0.1", port, smtp_security="none", pop3_security="none", timeout_s=20
    )
    thread.join(20)
    listening.close()


HELLO = (b"220 here\r\n", b"250 hello\r\n", b"250 sender\r\n", b"250 recipient\r\n", b"354 go\r\n")


def test_cut_inside_the_data_is_known_to_be_undelivered() -> None:
    with scripted(*HELLO, swallow=1000) as account, pytest.raises(MailRefused, match="coupée"):
        AccountMailbox(account).send(b"x" * 76 * 400_000, USER, "caisse@fonds.invalid")


def test_cut_after_the_end_is_unknown() -> None:
    with scripted(*HELLO, swallow=len(MESSAGE) + 7) as account, pytest.raises(MailUnknown) as caught:
        AccountMailbox(account).send(MESSAGE, USER, "caisse@fonds.invalid")
    assert caught.value.exit_code == 5 and "accusé" in caught.value.remedy


@pytest.mark.parametrize("turns", range(len(HELLO)))
def test_cut_before_the_data_is_known_to_be_undelivered(turns: int) -> None:
    with scripted(*HELLO[: turns + 1][:-1] or (b"",)) as account, pytest.raises(MailRefused):
        AccountMailbox(account).send(MESSAGE, USER, "caisse@fonds.invalid")


@pytest.mark.parametrize("place", range(5))
def test_a_refusal_at_any_step_is_a_refusal(place: int) -> None:
    answers = [*HELLO[:place], b"554 no\r\n"]
    if place == 1:
        answers.append(b"554 no\r\n")  # HELO after EHLO
    with scripted(*answers) as account, pytest.raises(MailRefused) as caught:
        AccountMailbox(account).send(MESSAGE, USER, "caisse@fonds.invalid")
    assert caught.value.remedy


def test_a_mute_server_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        account = MailAccount(
            USER, "127.0.0.1", port, "127.0.0.1", port, smtp_security="none", pop3_security="none", timeout_s=0.2
        )
        with pytest.raises(MailRefused, match="ne répond pas"):
            AccountMailbox(account).send(MESSAGE, USER, "caisse@fonds.invalid")
        with pytest.raises(MailboxUnavailable, match="ne répond pas"):
            AccountMailbox(account).uids()


def test_an_unknown_host_is_named() -> None:
    account = MailAccount(USER, "mail.nowhere.invalid", 25, "mail.nowhere.invalid", 110, smtp_security="none")
    with pytest.raises(MailRefused, match=r"mail\.nowhere\.invalid"):
        AccountMailbox(account).send(MESSAGE, USER, "caisse@fonds.invalid")


def test_the_account_prints_no_password() -> None:
    assert PASSWORD not in repr(MailAccount(USER, "a", 1, "b", 2, password=PASSWORD))
