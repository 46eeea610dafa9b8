"""One mail account: SMTP out, POP3 in (`practice.ports.Mailbox`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType

from tournee.transmit.adapters.pop3 import Pop3
from tournee.transmit.adapters.smtp import Smtp
from tournee.transmit.settings import MailAccount

Progress = Callable[[int, int], None]
"""(bytes done, bytes in all)."""


class AccountMailbox:
    """`send uids fetch delete`; close it, or use it as a context manager, to free the POP3 maildrop."""

    def __init__(self, account: MailAccount, progress: Progress | None = None) -> None:
        self._smtp = Smtp(account, progress)
        self._pop3 = Pop3(account, progress)

    def send(self, message: bytes, sender: str, recipient: str) -> None:
        self._smtp.send(message, sender, recipient)

    def uids(self) -> Sequence[str]:
        return self._pop3.uids()

    def fetch(self, uid: str) -> bytes:
        return self._pop3.fetch(uid)

    def delete(self, uid: str) -> None:
        self._pop3.delete(uid)

    def close(self) -> None:
        self._pop3.close()

    def __enter__(self) -> AccountMailbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
