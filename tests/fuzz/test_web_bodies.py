"""Any body: an answer, never an error of ours, and never a value of the request in a problem."""

from __future__ import annotations

import copy
import json
from datetime import date
from typing import Any

from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.billing_cases import GP_ANSWERS, bill, rights
from tournee.billing import bill_to_json, rights_to_json
from tournee.billing.tables import tables
from tournee.web.app import create_app

CLIENT = TestClient(create_app(today=lambda: date(2025, 1, 15)))
SECRET = "DUPONTSECRET"

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    _text,
    st.sampled_from([SECRET, "0001-01-01", "9999-12-31", "2025-02-29", "VG", "²", "٣", "²²:00", "24:00", ""]),
)
_json = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3))
_url = st.sampled_from(["/v1/evaluate", "/v1/questions", "/v1/price"])
_answers = st.dictionaries(st.sampled_from([*sorted(tables().questions), "ald.0", "acte.1", SECRET]), _json, max_size=4)


def _good() -> dict[str, Any]:
    made = bill({**GP_ANSWERS, "actes": [{"code": "VG", "heure": "21:30", "km": 12}, {"code": "AMI"}]})
    card = rights(amc=("99999997", "", "1", "61", "20200101", "20401231"))
    return {"bill": bill_to_json(made), "rights": rights_to_json(card), "today": "2025-01-15", "answers": {}}


GOOD = _good()


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(p for key, item in inner for p in _places(item, (*path, key)))]


PLACES = [p for p in _places(GOOD) if p]


def _send(url: str, body: Any) -> None:
    raw = json.dumps(body).encode()
    answer = CLIENT.post(url, content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 400, 413, 422), answer.text
    if answer.status_code != 200:
        problem = answer.json()
        assert problem["code"] and problem["remedy"] and SECRET not in answer.text


@given(url=_url, body=_json)
@settings(max_examples=60)
def test_any_json_is_answered(url: str, body: Any) -> None:
    _send(url, body)


@given(url=_url, raw=st.binary(max_size=60))
@settings(max_examples=40)
def test_any_bytes_are_answered(url: str, raw: bytes) -> None:
    answer = CLIENT.post(url, content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text


def _holds(place: Any, key: Any) -> bool:
    """An earlier change may have put anything where a path leads."""
    if isinstance(place, dict):
        return key in place
    return isinstance(place, list) and isinstance(key, int) and key < len(place)


@given(url=_url, changes=st.lists(st.tuples(st.sampled_from(PLACES), _json), min_size=1, max_size=2), answers=_answers)
@settings(max_examples=150)
def test_a_good_body_with_anything_in_its_places_is_answered(
    url: str, changes: list[tuple[tuple[Any, ...], Any]], answers: dict[str, Any]
) -> None:
    body = copy.deepcopy(GOOD)
    body["answers"] = answers
    for path, value in changes:
        place: Any = body
        for key in path[:-1]:
            place = place[key] if _holds(place, key) else None
        if isinstance(place, dict) or _holds(place, path[-1]):
            place[path[-1]] = value
    _send(url, body)


@given(
    url=_url,
    place=st.sampled_from(
        [
            p
            for p in PLACES
            if p[-1] in ("created", "today", "date", "prescription_date", "debut", "fin", "naissance", "heure")
        ]
    ),
    value=st.dates().map(str)
    | _text
    | st.dates().map(lambda d: f"{d:%Y%m%d}")
    | st.text("²٣0123456789:", min_size=4, max_size=9)
    | st.times().map(lambda t: f"{t:%H:%M}"),
)
@settings(max_examples=120)
def test_any_date_and_hour_is_answered(url: str, place: tuple[Any, ...], value: str) -> None:
    body = copy.deepcopy(GOOD)
    inner: Any = body
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    _send(url, body)
