"""A person asks why: the rule, the row of the tables, the rounding; and the same bill always gives the same answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.billing_cases import DAY, bill, gp, rights
from tests.unit.test_billing_auxiliaires import COMMON, NURSE
from tournee.billing import (
    bill_to_json,
    evaluate,
    evaluation_to_json,
    rights_to_json,
    row,
    row_text,
    why,
)
from tournee.billing.tables import tables


def test_why_28_00_of_the_fund() -> None:
    """21.00 + 7.00 = 28.00: two lines, each with its price row and its rate row."""
    result = gp()
    assert result.totals.amo_cents == 2800 and [x.amo_cents for x in result.lines] == [2100, 700]
    for index, (code, price) in enumerate((("VG", 3000), ("MD", 1000))):
        told = why(result, index)
        names = [name for t in told for name in t.rows]
        price_row = next(row(name) for name in names if name.startswith("tarifs:"))
        assert (price_row["code"], price_row["cents"]) == (code, price) and price_row["source"]
        rate = next(row(name) for name in names if name.startswith("taux:"))
        assert rate["taux"] == 70 and any("× 70 % =" in t.text for t in told)
    assert any(t.rule == "PARCOURS" for t in why(result, 0))


def test_every_row_can_be_read_by_a_person() -> None:
    for name, found in tables().rows.items():
        text = row_text(name)
        assert text.strip() and found.source in text and "None" not in text


def test_where_an_amount_was_rounded_it_is_said() -> None:
    """1.5 * 3.15 = 4.725 -> 4.73; 4.73 * 60 % = 2.838 -> 2.84."""
    made = bill({**COMMON, "actes": "AMI#prelevement-veineux"}, specialite=NURSE)
    texts = [t.text for t in why(evaluate(made, rights(), today=DAY), 0)]
    assert sum("demi-centime vers le haut" in t for t in texts) == 2
    assert not any("demi-centime" in t.text for t in why(gp(), 0))


@pytest.mark.parametrize("specialite", ["01", "24"])
def test_the_same_bill_gives_the_same_bytes_in_every_process(tmp_path: Path, specialite: str) -> None:
    answers = {} if specialite == "01" else {**COMMON, "actes": ["AMI#pansement-lourd", "AMI#injection"], "km": 30}
    made = bill(answers, specialite=specialite) if answers else bill()
    asked = {"bill": bill_to_json(made), "rights": rights_to_json(rights())}
    (tmp_path / "in.json").write_text(json.dumps(asked), encoding="utf-8")
    program = (
        "import json, sys, datetime\n"
        "from tournee.billing import bill_from_json, evaluate, evaluation_to_json, rights_from_json\n"
        "d = json.load(open(sys.argv[1], encoding='utf-8'))\n"
        "e = evaluate(bill_from_json(d['bill']), rights_from_json(d['rights']), today=datetime.date(2025, 1, 15))\n"
        "print(json.dumps(evaluation_to_json(e)))\n"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "in.json")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert json.loads(told.pop()) == evaluation_to_json(evaluate(made, rights(), today=DAY))
