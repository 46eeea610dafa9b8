"""Read a POP3 maildrop. Messages are known by their UIDL; one is deleted when the server has confirmed QUIT (RFC 1939 §6)."""

from __future__ import annotations

import poplib
import ssl
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from tournee.transmit.adapters._net import tls_context, why
from tournee.transmit.errors import MailboxUnavailable, MailTooLarge
from tournee.transmit.mail import MAX_MAIL_BYTES
from tournee.transmit.settings import MailAccount

_T = TypeVar("_T")
_NOTHING_LOST: Final = "Rien n'a été supprimé."


class Pop3:
    """A session is opened when needed and kept for the next `fetch`; `close` frees the maildrop. `progress(done, total)` in bytes."""

    def __init__(self, account: MailAccount, progress: Callable[[int, int], None] | None = None) -> None:
        self._account = account
        self._progress = progress
        self._client: poplib.POP3 | None = None
        self._numbers: dict[str, int] = {}
        self._sizes: dict[int, int] = {}

    def uids(self) -> Sequence[str]:
        """What the maildrop holds now, oldest first."""
        self.close()
        self._guard(self._open)
        return tuple(self._numbers)

    def fetch(self, uid: str) -> bytes:
        """The mail's bytes with CRLF line ends; raises MailboxUnavailable, also when it is gone, and MailTooLarge."""
        return self._guard(lambda: self._fetch(uid))

    def delete(self, uid: str) -> None:
        """Durable when it returns; a mail that is no longer there is no error."""
        self._guard(lambda: self._delete(uid))

    def close(self) -> None:
        client, self._client = self._client, None
        self._numbers = {}
        if client is not None:
            try:
                client.quit()
            except (OSError, poplib.error_proto):
                client.close()

    def _guard(self, action: Callable[[], _T]) -> _T:
        account = self._account
        try:
            return action()
        except MailboxUnavailable:
            raise
        except poplib.error_proto as exc:
            self._drop()
            raise MailboxUnavailable(
                "La boîte aux lettres refuse la demande.", f"Réessayez dans une minute. {_NOTHING_LOST}"
            ) from exc
        except (OSError, ssl.SSLError, EOFError, ValueError) as exc:
            self._drop()
            what, remedy = why(exc, account.pop3_host, account.pop3_port)
            raise MailboxUnavailable(what, f"{remedy} {_NOTHING_LOST}") from exc

    def _open(self) -> poplib.POP3:
        if self._client is not None:
            return self._client
        account = self._account
        client: poplib.POP3
        if account.pop3_security == "tls":
            client = poplib.POP3_SSL(
                account.pop3_host, account.pop3_port, timeout=account.timeout_s, context=tls_context(account)
            )
        else:
            client = poplib.POP3(account.pop3_host, account.pop3_port, timeout=account.timeout_s)
        try:
            if account.pop3_security == "starttls":
                client.stls(tls_context(account))
            try:
                client.user(account.login)
                client.pass_(account.password)
            except poplib.error_proto as exc:
                raise MailboxUnavailable(
                    "La boîte aux lettres refuse l'identifiant ou le mot de passe.", "Vérifiez le compte de courrier."
                ) from exc
            self._sizes = {int(n): int(size) for n, size in (line.split()[:2] for line in client.list()[1])}
            _, listing, _ = client.uidl()
            self._numbers = {}
            for line in listing:
                number, _, uid = line.decode("ascii", "replace").partition(" ")
                if number.isdigit() and uid:
                    self._numbers[uid.strip()] = int(number)
        except BaseException:
            client.close()
            raise
        self._client = client
        return client

    def _drop(self) -> None:
        """Forget a session that failed, without QUIT: what it marked is not deleted."""
        if self._client is not None:
            self._client.close()
        self._client = None
        self._numbers = {}

    def _fetch(self, uid: str) -> bytes:
        client = self._open()
        if uid not in self._numbers:
            raise MailboxUnavailable(
                "Ce message n'est plus dans la boîte aux lettres.", "Relisez la liste des messages."
            )
        number = self._numbers[uid]
        size = self._sizes.get(number, 0)
        if size > MAX_MAIL_BYTES:
            raise MailTooLarge(
                "Un message de la boîte aux lettres dépasse la taille admise.",
                f"Ouvrez cette boîte avec un logiciel de courrier pour le voir. {_NOTHING_LOST}",
            )
        _, lines, _ = client.retr(number)
        if self._progress:
            self._progress(size, size)
        return b"".join(line + b"\r\n" for line in lines)

    def _delete(self, uid: str) -> None:
        client = self._open()
        if uid in self._numbers:
            client.dele(self._numbers[uid])
            client.quit()
            self._client, self._numbers = None, {}
