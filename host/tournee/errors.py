"""The root of every error that a person may see: what happened, why, and the one thing to do."""

from __future__ import annotations


class TourneeError(Exception):
    """`what` in the language of its reader; `remedy` is one sentence; neither holds a PIN, a NIR, a name or a key."""

    exit_code = 1
    code = "error"

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class UsageError(TourneeError):
    exit_code = 2
    code = "usage"


class RefusedError(TourneeError):
    """A rule or the fund said no."""

    exit_code = 3
    code = "refused"


class CardError(TourneeError):
    """A card or the reader."""

    exit_code = 4
    code = "card"


class NetworkError(TourneeError):
    exit_code = 5
    code = "network"
