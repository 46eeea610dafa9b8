"""What can go wrong between this computer and a fund's mailbox; read by a practitioner, so in French."""

from __future__ import annotations

from tournee.errors import NetworkError, RefusedError, TourneeError


class MailRefused(NetworkError):
    """Not delivered, known for sure: the same file may be sent again."""

    code = "mail-refused"


class MailUnknown(NetworkError):
    """The end of the message went out and no answer came: it may have been delivered."""

    code = "mail-unknown"


class MailboxUnavailable(NetworkError):
    """The POP3 mailbox could not be read; nothing was deleted."""

    code = "mailbox"


class MailTooLarge(MailboxUnavailable):
    """One mail of the mailbox exceeds what is read; it stays there, the others are read."""

    code = "mail-too-large"


class MailMalformed(RefusedError):
    """A mail that cannot be what it says; `where` names the header or part."""

    code = "mail-malformed"

    def __init__(self, what: str, remedy: str = "", *, where: str = "") -> None:
        super().__init__(what, remedy)
        self.where = where


class ReturnMalformed(RefusedError):
    """A return whose content breaks its layout; `where` names the record and field, never their value."""

    code = "return-malformed"

    def __init__(self, what: str, remedy: str = "", *, where: str = "") -> None:
        super().__init__(what, remedy)
        self.where = where


class DirectoryMalformed(TourneeError):
    """`destinations.json` cannot be read."""

    exit_code = 2
    code = "directory-malformed"


class EnvelopeError(RefusedError):
    """The CMS envelope could not be made: a certificate or a signature does not fit."""

    code = "envelope"
