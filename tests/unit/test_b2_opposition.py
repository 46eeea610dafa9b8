"""E4: LOI and dLOI in SV-SIM, return codes of licensed engines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.b2_cases import JOUR
from tournee.b2.errors import B2Error, Problem
from tournee.b2.opposition import AUCUNE, Liste, appliquer, ecrire
from tournee.b2.records.loi_sv_sim_1 import CarteOpposee
from tournee_protocol.codes_retour import code_retour

_A, _B, _C = "99000000000000000001", "99000000000000000002", "99000000000000000003"


def test_whole_list_then_increments() -> None:
    whole = appliquer(
        AUCUNE, ecrire(10, 0, JOUR, [CarteOpposee(numero_serie=_A, motif="V"), CarteOpposee(numero_serie=_B)])
    )
    assert whole.opposee(_A) and whole.opposee(_B) and not whole.opposee(_C)
    day = ecrire(11, 10, JOUR, [CarteOpposee(action="R", numero_serie=_A), CarteOpposee(numero_serie=_C)])
    after = appliquer(whole, day)
    assert after == Liste(11, frozenset({_B, _C}))
    assert appliquer(after, day) == after


def test_a_gap_is_said_and_changes_nothing() -> None:
    with pytest.raises(B2Error) as caught:
        appliquer(Liste(10, frozenset({_A})), ecrire(13, 12, JOUR, []))
    assert caught.value.key == ("order", 1, "000", "numero_base", 13)


def test_wrong_bytes_are_refused() -> None:
    data = ecrire(10, 0, JOUR, [CarteOpposee(numero_serie=_A)])
    for wrong in (data[:-128], data[:-1], data[:128] + data[256:], b"", b"x" * 128):
        with pytest.raises(B2Error):
            appliquer(AUCUNE, wrong)
    with pytest.raises(B2Error) as caught:
        appliquer(AUCUNE, data[:256] + data[128:])
    assert caught.value.problem is Problem.COUNT


@given(st.binary(max_size=400))
def test_random_bytes_are_typed_errors(data: bytes) -> None:
    with pytest.raises(B2Error):
        appliquer(AUCUNE, data)


@pytest.mark.parametrize(
    ("code", "said"),
    [(0xF003, "code porteur erroné"), (0xF61A, "tables illisible"), (0xF80B, "plus de groupe"), (0, "OK")],
)
def test_return_codes(code: int, said: str) -> None:
    found = code_retour(code)
    assert found is not None and said in found.sens and found.source


def test_unknown_return_code() -> None:
    assert code_retour(0x1234) is None
