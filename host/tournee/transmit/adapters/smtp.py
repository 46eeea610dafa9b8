"""Send one mail and know how it ended: delivered, refused, or unknown."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable
from typing import Final

from tournee.transmit.adapters._net import tls_context, why
from tournee.transmit.errors import MailRefused, MailUnknown
from tournee.transmit.settings import MailAccount

_CHUNK_BYTES: Final = 16_384
_END: Final = b".\r\n"
_RESEND: Final = "Rien n'est parti : le même envoi peut être refait."


class Smtp:
    """One connection per message. `progress(done, total)` counts bytes of the message."""

    def __init__(self, account: MailAccount, progress: Callable[[int, int], None] | None = None) -> None:
        self._account = account
        self._progress = progress

    def send(self, message: bytes, sender: str, recipient: str) -> None:
        """Raises MailRefused when it was surely not taken, MailUnknown when its end went out and no answer came."""
        account = self._account
        try:
            client = self._connect()
        except smtplib.SMTPAuthenticationError as exc:
            raise MailRefused(
                "Le serveur de courrier refuse l'identifiant ou le mot de passe.", "Vérifiez le compte de courrier."
            ) from exc
        except (smtplib.SMTPConnectError, smtplib.SMTPResponseException, smtplib.SMTPNotSupportedError) as exc:
            raise MailRefused(
                f"Le serveur {account.smtp_host}:{account.smtp_port} n'accepte pas la session.",
                "Vérifiez le port et le mode (TLS, STARTTLS) du compte. " + _RESEND,
            ) from exc
        except OSError as exc:
            what, remedy = why(exc, account.smtp_host, account.smtp_port)
            raise MailRefused(what, f"{remedy} {_RESEND}") from exc
        try:
            self._deliver(client, message, sender, recipient)
        finally:
            client.close()

    def _connect(self) -> smtplib.SMTP:
        account = self._account
        client: smtplib.SMTP
        if account.smtp_security == "tls":
            client = smtplib.SMTP_SSL(
                account.smtp_host, account.smtp_port, timeout=account.timeout_s, context=tls_context(account)
            )
        else:
            client = smtplib.SMTP(account.smtp_host, account.smtp_port, timeout=account.timeout_s)
        try:
            client.ehlo_or_helo_if_needed()
            if account.smtp_security == "starttls":
                client.starttls(context=tls_context(account))
                client.ehlo()
            if account.smtp_login and account.password:
                client.login(account.login, account.password)
        except BaseException:
            client.close()
            raise
        return client

    def _deliver(self, client: smtplib.SMTP, message: bytes, sender: str, recipient: str) -> None:
        account = self._account
        ended = False
        try:
            _expect(client.mail(sender), "l'expéditeur")
            _expect(client.rcpt(recipient), "le destinataire")
            code, _ = client.docmd("DATA")
            if code != 354:
                raise MailRefused(f"Le serveur refuse le message (code {code}).", _RESEND)
            data = _stuffed(message)
            for start in range(0, len(data), _CHUNK_BYTES):
                client.send(data[start : start + _CHUNK_BYTES])
                if self._progress:
                    self._progress(min(start + _CHUNK_BYTES, len(data)), len(data))
            ended = True  # before the write: once a byte of the end may have gone out, the answer alone decides
            client.send(_END)
            code, _ = client.getreply()
        except (OSError, ssl.SSLError, smtplib.SMTPException) as exc:
            if ended:
                raise MailUnknown(
                    "L'envoi est parti mais le serveur n'a pas confirmé : il est peut-être arrivé.",
                    "Attendez l'accusé de réception de la caisse ; sans lui, renvoyez le fichier.",
                ) from exc
            what, remedy = why(exc, account.smtp_host, account.smtp_port)
            raise MailRefused(what, f"{remedy} {_RESEND}") from exc
        if not 200 <= code < 300:
            raise MailRefused(f"Le serveur refuse le message (code {code}).", _RESEND)
        try:
            client.quit()
        except (OSError, smtplib.SMTPException):
            pass  # delivered already


def _expect(reply: tuple[int, bytes], what: str) -> None:
    if reply[0] not in (250, 251):
        raise MailRefused(
            f"Le serveur refuse {what} (code {reply[0]}).", f"Vérifiez les adresses de courrier. {_RESEND}"
        )


def _stuffed(message: bytes) -> bytes:
    """Lines ended by CRLF, leading dots doubled (RFC 5321 §4.5.2), the last line ended."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", message)
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines)
