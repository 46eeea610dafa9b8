"""`tournee bill check`: bills as JSON, all errors by field path; `bill` names its commands."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.tools.typist import Typist
from tests.unit.billing_cases import GP_ANSWERS, bill, rights
from tournee.billing import bill_to_json, rights_to_json, settle
from tournee.cli.bill import app


def write(folder: Path, name: str, document: Any) -> str:
    file = folder / name
    file.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return str(file)


@pytest.fixture
def good() -> dict[str, Any]:
    card = rights()
    return {"content": bill_to_json(settle(bill(), card)), "rights": rights_to_json(card)}


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["check", *arguments], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, result.output


def test_check_one_valid_bill(tmp_path: Path, good: dict[str, Any]) -> None:
    code, out = run(write(tmp_path, "a.json", good))
    assert code == 0 and "valide" in out and "40,00 €" in out


def test_check_tells_every_error_by_its_path(tmp_path: Path, good: dict[str, Any]) -> None:
    card = rights_to_json(rights())
    wrong = {"content": bill_to_json(bill({**GP_ANSWERS, "actes": "VG + ZZZ", "km": 10})), "rights": card}
    waiting = {"content": bill_to_json(bill({"lieu": "domicile"})), "rights": card}
    bad_field = {"content": good["content"] | {"created": "hier"}, "rights": card}
    files = [
        write(tmp_path, "a.json", good),
        write(tmp_path, "b.json", wrong),
        write(tmp_path, "c.json", waiting),
        write(tmp_path, "d.json", bad_field),
        write(tmp_path, "e.json", "{"),
        str(tmp_path / "absent.json"),
    ]
    code, out = run(*files, "--json")
    told = json.loads(out)
    assert code == 3 and told["version"] == 1
    assert [b["status"] for b in told["bills"]] == ["valid", "invalid", "incomplete"] + ["unreadable"] * 3
    paths = [[e["path"] for e in b["errors"]] for b in told["bills"]]
    assert "acts[1].code" in paths[1] and "answers.accident_tiers" in paths[2] and paths[3] == ["created"]
    assert all(e["remedy"] for b in told["bills"] for e in b["errors"])
    text = run(*files)[1]
    assert "6 factures : 1 valide" in text and "3 illisibles" in text


def test_check_shows_its_progress_to_a_person_and_ends_with_a_summary(tmp_path: Path, good: dict[str, Any]) -> None:
    files = [write(tmp_path, f"{n}.json", good) for n in range(40)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
    with Typist([sys.executable, "-m", "tournee.cli", "bill", "check", *files], environment) as person:
        person.expect("factures ━")
        person.expect("40 factures : 40 valides")
        assert person.end() == 0


def test_check_tells_every_wrong_field_of_a_file_at_once(tmp_path: Path, good: dict[str, Any]) -> None:
    good["content"] |= {"created": "hier", "couleur": "bleu"}
    good["content"]["acts"][0]["quantite"] = "deux"
    good["rights"]["centre"] = 1
    told = json.loads(run(write(tmp_path, "a.json", good), "--json")[1])
    assert [e["path"] for e in told["bills"][0]["errors"]] == ["couleur", "created", "acts[0].quantite", "centre"]


def test_a_bill_without_its_card_is_checked_as_the_degraded_bill_it_will_be(tmp_path: Path) -> None:
    told = json.loads(run(write(tmp_path, "a.json", bill_to_json(bill())), "--json")[1])
    assert {"answers.patient_nir", "answers.patient_nom"} <= {e["path"] for e in told["bills"][0]["errors"]}
