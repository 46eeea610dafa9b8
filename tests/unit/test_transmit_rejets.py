"""The table of reject codes."""

from __future__ import annotations

import pytest

from tournee.transmit.rejets import expliquer
from tournee_protocol.rejets import codes


@pytest.mark.parametrize("code", ["0250-050", "0250050", "0250"])
def test_known_codes_are_explained_however_they_are_printed(code: str) -> None:
    found = expliquer(code)
    assert found.code == "0250-050" and found.connu and not found.simulation and "Assuré absent" in found.libelle


def test_already_paid_is_not_to_be_sent_again() -> None:
    assert not expliquer("2900-005").renvoyer


@pytest.mark.parametrize("code", ["", "9999", "SIM9", "é", "0250-051"])
def test_unknown_or_ambiguous_codes_get_general_advice(code: str) -> None:
    found = expliquer(code)
    assert not found.connu and found.code == code and found.a_faire


def test_every_row_says_what_to_do_and_where_it_comes_from() -> None:
    for row in codes().values():
        assert row.libelle and row.a_faire.endswith(".") and row.source and row.confidence
        assert row.simulation == (row.source == "SV-SIM") == row.code.startswith("SIM")
        assert len(row.plain) == 7
