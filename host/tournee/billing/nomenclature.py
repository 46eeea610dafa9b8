"""Acts of a key letter: which coefficient belongs to which act, by care date."""

from __future__ import annotations

from datetime import date

from tournee.billing.model import Act
from tournee.billing.tables import Tarif
from tournee.billing.work import Work


def acte_de_lettre(
    w: Work, tarif: Tarif, act: Act, day: date, path: str
) -> tuple[int, str, tuple[str, ...], str] | None:
    """(coefficient in hundredths, libellé, table rows, reference) of the act, or None after a fault."""
    return None
