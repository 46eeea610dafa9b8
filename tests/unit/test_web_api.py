"""The HTTP API: what the page shows runs as printed; answers follow the published description; errors name the place, never the value."""

from __future__ import annotations

import copy
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi.testclient import TestClient

from tests.unit.billing_cases import bill, rights
from tournee.billing import bill_to_json, evaluate, evaluation_to_json, rights_to_json
from tournee.web import openapi
from tournee.web.app import create_app
from tournee.web.request import MAX_BODY_BYTES

DAY = date(2025, 1, 15)
POSTS = ("/v1/evaluate", "/v1/questions", "/v1/price")
PERSONAL = "2800299999990"
CLIENT = TestClient(create_app(today=lambda: DAY))


@pytest.fixture
def example(root: Path) -> dict[str, Any]:
    """The body printed in docs/HTTP.md."""
    found = re.search(r"```json\n(.*?)```", (root / "docs/HTTP.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found
    made: dict[str, Any] = json.loads(found[1])
    return made


def follows(document: Any, name: str) -> None:
    """The document is what the published description says of `name`."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": openapi.document()["components"]}
    jsonschema.Draft202012Validator(schema).validate(document)


def refused(status: int, code: str, path: str, url: str = "/v1/evaluate", **request: Any) -> dict[str, Any]:
    answer = CLIENT.post(url, **request)
    assert answer.status_code == status and answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    follows(document, "Problem")
    assert (document["code"], document["path"], document["status"]) == (code, path, status)
    assert document["remedy"] and document["title"]
    return document


def test_evaluate_says_what_the_engine_says() -> None:
    made, card = bill(), rights()
    answer = CLIENT.post("/v1/evaluate", json={"bill": bill_to_json(made), "rights": rights_to_json(card)})
    assert answer.status_code == 200
    assert answer.json() == json.loads(json.dumps(evaluation_to_json(evaluate(made, card, today=DAY))))
    follows(answer.json(), "Evaluation")
    assert answer.headers["cache-control"] == "no-store"


def test_the_example_of_the_page_is_priced(example: dict[str, Any], root: Path) -> None:
    """30.00 + 10.00 = 40.00; 40.00 * 70 % = 28.00"""
    document = CLIENT.post("/v1/price", json=example).json()
    follows(document, "Price")
    assert document["status"] == "valid"
    assert [x["code"] for x in document["lines"]] == ["VG", "MD"]
    assert (document["totals"]["montant_cents"], document["totals"]["amo_cents"]) == (4000, 2800)
    shown = re.search(r"8765(/v1/tables/[^']+)", (root / "docs/HTTP.md").read_text(encoding="utf-8"))
    assert shown
    row = CLIENT.get(shown[1]).json()
    follows(row, "Row")
    assert row["cents"] == 3000 and row["id"] in {r for t in document["trace"] for r in t["rows"]}


def test_a_bill_is_built_by_turns(example: dict[str, Any]) -> None:
    given = example.pop("answers")
    body, asked = example, []
    while True:
        document = CLIENT.post("/v1/questions", json=body).json()
        follows(document, "Questions")
        if not document["next"]:
            break
        asked.append(document["next"])
        assert len(asked) == len(set(asked)), asked
        body = example | {"bill": document["bill"], "answers": {asked[-1]: given[asked[-1]]}}
    assert document["status"] == "valid" and "actes" in asked
    assert CLIENT.post("/v1/price", json=example | {"bill": document["bill"]}).json()["totals"]["amo_cents"] == 2800


def test_all_that_is_wrong_is_told_in_one_pass() -> None:
    made, card = bill_to_json(bill()), rights_to_json(rights())
    made["created"], made["acts"][0]["quantite"], made["situation"]["specialite"] = "hier", "deux", 1
    card["beneficiaires"][0]["periodes_amo"][0]["debut"] = "hier"
    document = CLIENT.post("/v1/price", json={"bill": made, "rights": card}).json()
    follows(document, "Problem")
    assert [e["path"] for e in document["errors"]] == [
        "bill.created", "bill.situation.specialite", "bill.acts[0].quantite", "rights.beneficiaires[0].periodes_amo[0].debut"
    ]  # fmt: skip
    answers = {"lieu": "lune", "accident_tiers": "peut-être", "actes": ["VG", {"code": "vg", "km": -1}, "?"]}
    document = CLIENT.post("/v1/price", json={"bill": bill_to_json(bill()), "answers": answers}).json()
    assert [e["path"] for e in document["errors"]] == [
        "answers.lieu", "answers.accident_tiers", "answers.actes[1].code", "answers.actes[1].km", "answers.actes[2]"
    ]  # fmt: skip


def test_the_card_decides_what_it_decides() -> None:
    """The only person of the card is the patient; without a card the bill is degraded, until one is read."""
    body: dict[str, Any] = {"bill": bill_to_json(bill())}
    without = CLIENT.post("/v1/questions", json=body).json()["bill"]
    assert (
        without["answers"]["mode"] == {"value": "degrade", "origin": "default", "acte": ""}
        and without["beneficiaire"] is None
    )
    read = {"bill": without, "rights": rights_to_json(rights())}
    document = CLIENT.post("/v1/questions", json=read).json()
    assert document["status"] == "valid" and "mode" not in document["bill"]["answers"]
    assert document["bill"]["beneficiaire"]["prenom"] == "ANNE"
    assert CLIENT.post("/v1/evaluate", json=read).json()["contexte"]["mode"] == "securise"


def test_every_row_that_a_trace_names_can_be_read() -> None:
    document = CLIENT.post("/v1/price", json={"bill": bill_to_json(bill()), "rights": rights_to_json(rights())}).json()
    rows = {row for step in document["trace"] for row in step["rows"]}
    assert rows
    for row in rows:
        answer = CLIENT.get(f"/v1/tables/{row}")
        assert answer.status_code == 200 and answer.json()["source"], row


@pytest.mark.parametrize("url", POSTS)
@pytest.mark.parametrize(
    ("keys", "value", "path"),
    [
        (("bill", "created"), PERSONAL, "bill.created"),
        (("bill", "version"), PERSONAL, "bill.version"),
        (("bill", PERSONAL), 1, "bill.?"),
        (("bill", "situation", PERSONAL), 1, "bill.situation.?"),
        (("bill", "acts"), [{"code": "VG"}, {"code": "MD", "quantite": PERSONAL}], "bill.acts[1].quantite"),
        (("bill", "acts"), [{"code": "VG", "quantite": int(PERSONAL)}], "bill.acts[0].quantite"),
        (("bill", "acts"), [{"code": "VG"}] * 201, "bill.acts"),
        (("rights", "beneficiaires"), [{"identite": {"nom": 1}}], "rights.beneficiaires[0].identite.nom"),
        (("answers", PERSONAL), "oui", "answers.?"),
        (("answers", "lieu"), PERSONAL, "answers.lieu"),
        (("answers", "actes"), PERSONAL, "answers.actes[0]"),
        (("today",), PERSONAL, "today"),
        ((PERSONAL,), 1, "?"),
        (("bill",), PERSONAL, "bill"),
    ],
)
def test_a_wrong_field_is_named_and_no_value_is_repeated(
    example: dict[str, Any], url: str, keys: tuple[str, ...], value: Any, path: str
) -> None:
    body = copy.deepcopy(example)
    if keys == ("bill", "acts"):
        body["answers"] = {}
    place = body
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    answer = CLIENT.post(url, json=body)
    assert answer.status_code == 422 and answer.json()["path"] == path and answer.json()["remedy"]
    follows(answer.json(), "Problem")
    assert PERSONAL not in answer.text


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("rights", "beneficiaires", 0, "identite", "naissance"), "²0000101"),
        (("bill", "acts", 0, "heure"), "²²:00"),
        (("bill", "acts", 0, "heure"), "00:²²"),
        (("answers", "beneficiaire"), "²"),
    ],
)
def test_a_digit_that_is_no_number_is_no_error_of_ours(keys: tuple[Any, ...], value: str) -> None:
    body: dict[str, Any] = {"bill": bill_to_json(bill()), "rights": rights_to_json(rights()), "answers": {}}
    place: Any = body
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    assert CLIENT.post("/v1/evaluate", json=body).status_code == (422 if keys[0] == "answers" else 200)


def test_what_is_no_request_is_told() -> None:
    kind = {"Content-Type": "application/json"}
    refused(400, "bad_json", "", content=b"{", headers=kind)
    refused(400, "bad_json", "", content=b"[" * 100_000, headers=kind)
    refused(422, "bad_request", "bill", content=b"{}", headers=kind)
    refused(413, "too_long", "", content=b" " * (MAX_BODY_BYTES + 1), headers=kind)
    refused(415, "media_type", "", content=b"{}", headers={"Content-Type": "text/plain"})
    refused(404, "not_found", "", url="/v1/other", json={})
    refused(405, "method", "", url="/v1/openapi.json", json={})


def test_an_unknown_row_is_a_problem_and_not_repeated() -> None:
    answer = CLIENT.get(f"/v1/tables/{PERSONAL}")
    assert answer.status_code == 404 and answer.json()["code"] == "unknown_row" and PERSONAL not in answer.text


def test_an_error_of_ours_tells_its_kind_and_place_only(
    example: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(PERSONAL)

    monkeypatch.setattr("tournee.web.views.evaluate", broken)
    document = refused(500, "bug", "", json=example)
    assert "RuntimeError (test_web_api.py:" in document["title"]
    assert PERSONAL not in json.dumps(document) and PERSONAL not in caplog.text and "RuntimeError" in caplog.text


def test_the_published_description_is_the_one_in_the_code(root: Path) -> None:
    """To write it again: python -m tournee.web.openapi docs/schemas/openapi.json"""
    assert (root / "docs/schemas/openapi.json").read_text(encoding="utf-8") == openapi.text()
    assert CLIENT.get("/v1/openapi.json").json() == json.loads(openapi.text())


def test_the_description_names_exactly_the_routes_there_are() -> None:
    said = {(path, method) for path, item in openapi.document()["paths"].items() for method in item}
    app = create_app(today=lambda: DAY)
    there = {
        (route.path.replace(":path}", "}"), method.lower())  # type: ignore[attr-defined]
        for route in app.routes
        for method in route.methods  # type: ignore[attr-defined]
    }
    assert said == there
    every = json.dumps(openapi.document())
    for name in re.findall(r"#/components/schemas/(\w+)", every):
        assert name in openapi.document()["components"]["schemas"]


def test_the_described_request_has_the_members_that_are_read() -> None:
    from tournee.web.request import Body

    assert set(openapi.document()["components"]["schemas"]["Request"]["properties"]) == set(Body.model_fields)
