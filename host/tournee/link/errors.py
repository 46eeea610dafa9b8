"""What can go wrong with the line to the terminal, in the words of a practitioner."""

from __future__ import annotations

from tournee.errors import CardError, UsageError


class LinkError(CardError):
    """The line to the terminal, not a card."""

    code = "link"


class LinkLost(LinkError):
    """The byte stream ended or broke; the terminal may still run the request in flight."""

    code = "link_lost"

    def __init__(self, what: str = "Liaison perdue avec le terminal.", remedy: str = "") -> None:
        super().__init__(
            what, remedy or "Rapprochez le terminal ou rebranchez-le, puis recommencez : rien n'est perdu."
        )


class LinkUnavailable(LinkError):
    """The line could not be opened."""

    code = "link_unavailable"


class LinkTimeout(LinkError):
    """The terminal is connected and says nothing."""

    code = "link_timeout"

    def __init__(self, what: str = "Le terminal ne répond pas.", remedy: str = "") -> None:
        super().__init__(what, remedy or "Éteignez puis rallumez le terminal.")


class BadUrl(UsageError):
    code = "bad_url"
