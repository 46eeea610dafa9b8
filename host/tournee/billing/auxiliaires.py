"""Auxiliaries: displacement, majorations, degression [NGAP 11 B, 13, 14 B, 23]."""

from __future__ import annotations

from tournee.billing.contexte import Situation
from tournee.billing.session import Seance
from tournee.billing.work import Work


def complete(w: Work, s: Situation, seance: Seance) -> None:
    """Adds what the rules call for."""
