"""Scenarios as files and values: what is wrong is told with file, line, path and remedy; what a run, a trace and a report keep."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tournee_protocol.link import Status
from tournee_sim.boards.process import find_firmware
from tournee_sim.boards.watch import machine_states
from tournee_sim.cards.core import Response
from tournee_sim.faults import DIRECTIONS
from tournee_sim.scenarios import load, report
from tournee_sim.scenarios.actions import ACTIONS
from tournee_sim.scenarios.errors import Failed, ScenarioError
from tournee_sim.scenarios.expect import GIVES, check, matches
from tournee_sim.scenarios.model import MATRIX_FAULTS, Outcome, Scenario, Step
from tournee_sim.scenarios.replay import difference, read_trace, rows
from tournee_sim.scenarios.run import SESSIONS, Log, Plan, counts, write_trace
from tournee_sim.trace import Trace

GOOD = """\
scenario: 1
about: One card.
cards: {0: [cps-medecin, cps-kine]}
steps:
  - power: {slot: 0}
  - off: {slot: 0}
  - apdu: {slot: 0, send: 0012}
    expect: {status: [REMOVED, OK], sw: 63CX}
"""


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "one.yaml"
    path.write_text(text, "utf-8")
    return path


def test_a_scenario_is_read_as_it_is_written(tmp_path: Path) -> None:
    """`off` is a word and 0012 is hex, whatever YAML 1.1 says."""
    (scenario,) = load.load(_file(tmp_path, GOOD))
    assert scenario.name == "one"
    assert scenario.cards == {0: ("cps-medecin", "cps-kine")}
    assert [step.action for step in scenario.steps] == ["power", "off", "apdu"]
    assert scenario.steps[2].values["send"] == "0012"
    assert load.from_document(scenario.document(), "x") == scenario


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "remedy"),
    [
        ("scenario: 1", "scenario: 2", ":1: scenario", "2 is no version", "write scenario: 1"),
        ("power:", "pwoer:", ":5: steps/0", "unknown word 'pwoer'", "did you mean power?"),
        ("status:", "stauts:", ":8: steps/2/expect", "unknown word 'stauts'", "did you mean status?"),
        ("REMOVED", "GONE", ":8", "'GONE'", ""),
        ("send: 0012", "send: 001", ":7: steps/2/apdu/send", "'001' is not written", "hex digits"),
        ("power: {slot: 0}", "power: {slot: 7}", ":5: steps/0/power/slot", "7 is not known here", "take one of 0, 1"),
        ("power: {slot: 0}", "power: {}", ":5: steps/0/power", "slot is missing", "add slot"),
        ("cps-kine", "cps-kin", ":3: cards/0", "no card 'cps-kin'", "did you mean cps-kine?"),
        ("off: {slot: 0}", "off: {slot: 0}\n    power: {slot: 0}", ":6: steps/1", "one thing, not 2", "one action"),
        ("off: {slot: 0}", "fault: {kind: rust}", ":6: steps/1", "no fault 'rust'", "take one"),
        (
            "off: {slot: 0}",
            "strike: {slot: 0, machine: t0, state: NOWHERE, fault: pull}",
            ":6: steps/1",
            "no state t0/NOWHERE",
            "PROCEDURE",
        ),
        ("steps:\n", "step:\n", "", "", ""),
        ("about: One card.", "about: [", ":", "no YAML", "correct this line"),
        (
            "off: {slot: 0}",
            "insert: {slot: 1, card: vitale-famile}",
            ":6: steps/1/insert/card",
            "no card",
            "did you mean vitale-famille?",
        ),
        ("status: [REMOVED, OK]", "status: MUTEE", ":8", "'MUTEE' is not known", "did you mean MUTE? take one of OK"),
        ("[REMOVED, OK]", "[OK, MUTEE]", ":8: steps/2/expect/status/1", "'MUTEE' is not known", "did you mean MUTE?"),
        ("status: [REMOVED, OK]", "status: 7", ":8", "7 is not written", "a status, or a list of some"),
        ("sw: 63CX", "sw: 90", ":8: steps/2/expect/sw", "90 is less", "four hex digits"),
        ("sw: 63CX", "sw: [BANANA, 6700]", ":8: steps/2/expect/sw/0", "'BANANA' is not written", "four hex digits"),
        ("sw: 63CX", "data: 012", ":8: steps/2/expect/data", "'012' is not written", "in pairs"),
        ("about: One card.", "name: ../../x", ":2: name", "'../../x' is not written", "letters, digits"),
        ("send: 0012", "send: 84000008", ":7: steps/2/apdu/send", "84000008 does not belong", "hex digits in pairs"),
        ("about: One card.", "about: One card.\nabout: Two.", ":3", "about stands here a second time", "one of them"),
        ("about: One card.", 'about: "\\uD800"', "", "half a character", "UTF-8"),
        ("off: {slot: 0}", "wait: {ms: 86400001}", ":6: steps/1/wait/ms", "86400001 is greater", "0 to 86400000"),
        ("off: {slot: 0}", "wait: {ms: {from: 1, to: 999999999999}}", ":6: steps/1/wait/ms/to", "greater", "a day"),
        ("off: {slot: 0}", "raw: {bytes: 99999999999}", ":6: steps/1/raw/bytes", "greater", "65536 bytes"),
        ("off: {slot: 0}", "pin: {slot: 0, keys: [], header: '00'}", ":6: steps/1/pin/header", "'00'", "CLA INS"),
        ("off: {slot: 0}", "counter: {slot: 0, name: verifi, at_most: 0}", ":6", "'verifi'", "did you mean verify?"),
        (
            "off: {slot: 0}",
            "counter: {slot: 0, name: verify}",
            ":6: steps/1/counter",
            "properties",
            "at_least or at_most",
        ),
        (
            "off: {slot: 0}",
            "script: {slot: 0, send: ['" + "00" * 65536 + "']}",
            ":6: steps/1/script/send/0",
            "'000",
            "digits",
        ),
    ],
)
def test_what_is_wrong_is_told_with_line_path_and_remedy(
    tmp_path: Path, old: str, new: str, where: str, what: str, remedy: str
) -> None:
    path = _file(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ScenarioError) as told:
        load.load(path)
    assert told.value.where.startswith(f"{path}{where}"), told.value.where
    assert what in told.value.what and remedy in told.value.remedy
    assert told.value.remedy


@pytest.mark.parametrize("action", sorted(set(ACTIONS) - set(GIVES)))
def test_nothing_is_expected_of_a_step_without_an_answer(tmp_path: Path, action: str) -> None:
    """It would never be looked at, and the session pass."""
    values = {
        "insert": "{slot: 1, card: cps-kine}",
        "fault": "{kind: pull}",
        "strike": "{slot: 0, machine: t0, state: SW2, fault: pull}",
        "link": "drop",
        "raw": "{bytes: 1}",
        "wait": "{ms: 1}",
        "display": "{shows: a}",
        "counter": "{slot: 0, name: sign, at_most: 1}",
    }.get(action, "{slot: 0}" if action in ("pull", "next") else "")
    step = f"{action}: {values}"
    assert load.load(_file(tmp_path, GOOD.replace("off: {slot: 0}", step)))
    path = _file(tmp_path, GOOD.replace("off: {slot: 0}", step + "\n    expect: {status: BUSY}"))
    with pytest.raises(ScenarioError) as told:
        load.load(path)
    assert told.value.where == f"{path}:7: steps/1/expect" and f"`{action}` gets no answer" in told.value.what
    assert "leave expect out" in told.value.remedy


@pytest.mark.parametrize(
    ("step", "what", "remedy"),
    [
        ("power: {slot: 0}\n    expect: {sw: 9000}", "the answer to `power` holds no sw", "protocol, data, bytes"),
        ("info:\n    expect: {tries: 2, data: '00'}", "the answer to `info` holds no tries, data", "status, within_ms"),
        ("pin: {slot: 0, keys: []}\n    expect: {bytes: 2}", "`pin` holds no bytes", "sw, tries"),
        ("power: {slot: 0}\n    expect: {status: MUTE, bytes: 2}", "bytes would not be looked at", "add OK to status"),
    ],
)
def test_what_would_not_be_looked_at_is_told(tmp_path: Path, step: str, what: str, remedy: str) -> None:
    path = _file(tmp_path, GOOD.replace("off: {slot: 0}", step))
    with pytest.raises(ScenarioError) as told:
        load.load(path)
    assert told.value.where == f"{path}:7: steps/1/expect"
    assert what in told.value.what and remedy in told.value.remedy


MATRIX = """\
scenario: 1
cards: {0: generic-t1}
matrix:
  machine: t1
  status: {pull: REMOVED}
  states:
    IDLE:
      before:
        - power: {slot: 0}
      during: {apdu: {slot: 0, send: 00 B0 82 00 08}}
"""


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("generic-t1}", "generic-t9}", ":2: cards/0", "no card 'generic-t9'"),
        ("- power: {slot: 0}", "- insert: {slot: 1, card: x}", ":9: matrix/states/IDLE/before/0/insert", "no card 'x'"),
        ("IDLE:", "IDEL:", ":7: matrix/states/IDEL", "no state t1/IDEL"),
        ("apdu: {slot: 0, send: 00 B0 82 00 08}", "wait: {ms: 1}", ":10: matrix/states/IDLE/during", "gets no answer"),
        ("08}}", "08}, expect: {status: BUSY}}", ":10: matrix/states/IDLE/during/expect", "a matrix itself says"),
    ],
)
def test_in_a_matrix_too(tmp_path: Path, old: str, new: str, where: str, what: str) -> None:
    assert len(load.load(_file(tmp_path, MATRIX))) == len(MATRIX_FAULTS)
    path = _file(tmp_path, MATRIX.replace(old, new))
    with pytest.raises(ScenarioError) as told:
        load.load(path)
    assert told.value.where.startswith(f"{path}{where}"), told.value.where
    assert what in told.value.what and told.value.remedy


def test_words_that_name_nothing_are_told(tmp_path: Path) -> None:
    for word, what, remedy in (
        ("vist", "no such file", "did you mean visit?"),
        (str(tmp_path), "no scenario (*.yaml)", "folder"),
        (str(tmp_path / "gone.yaml"), "no such file", "--list"),
    ):
        with pytest.raises(ScenarioError) as told:
            load.find([word])
        assert what in told.value.what and remedy in told.value.remedy
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(GOOD + "name: same\n", "utf-8")
    with pytest.raises(ScenarioError, match="the name same is also in"):
        list(load.scenarios([str(tmp_path)]))


@settings(max_examples=30)
@given(st.text(max_size=60))
@example("scenario: 1\nsteps: [[]]")
@example("? {}\n: 1")
@example("&a [*a]")
@example("a: " + "[" * 2000)
def test_any_text_is_a_scenario_or_a_told_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    for content in (text, GOOD.replace("{slot: 0}", text, 1), GOOD + text):
        path.write_bytes(content.encode("utf-8", "surrogatepass"))
        try:
            assert load.load(path)
        except ScenarioError as exc:
            assert exc.what and exc.remedy


def test_the_library_and_the_schema_agree_with_the_code() -> None:
    assert list(load.scenarios(load.library()))
    schema = json.loads(load.SCHEMA.read_text("utf-8"))["$defs"]
    assert set(schema["step"]["properties"]) == set(ACTIONS) | {"expect", "repeat"}
    assert schema["status"]["enum"] == [status.name for status in Status]
    assert schema["strike"]["enum"] == list(MATRIX_FAULTS)
    assert schema["step"]["properties"]["fault"]["properties"]["direction"]["enum"] == list(DIRECTIONS)
    assert set(GIVES) < set(ACTIONS)
    assert {key for keys in GIVES.values() for key in keys} == set(schema["step"]["properties"]["expect"]["properties"])
    assert set(schema["byfault"]["properties"]) == set(schema["times"]["properties"]) == set(MATRIX_FAULTS)


def test_the_states_are_those_the_machines_count_with() -> None:
    """Position n of a table `STATES` is the constant n of that module: T0_SW2 is STATES[4]."""
    prefixes = {"slot": "CARD_", "pin": "PIN_", "atr": "ATR_", "pps": "PPS_", "t0": "T0_", "t1": "T1_", "apdu": "APDU_"}
    for machine, states in machine_states().items():
        path = find_firmware() / {"slot": "slots.py", "pin": "pin.py"}.get(machine, f"iso7816/{machine}.py")
        counted = {
            node.targets[0].id: node.value.args[0].value  # type: ignore[attr-defined]
            for node in ast.parse(path.read_text("utf-8")).body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and node.value.args
            if getattr(node.value.func, "id", "") == "const" and isinstance(node.value.args[0], ast.Constant)
        }
        assert {prefixes[machine] + state: n for n, state in enumerate(states)}.items() <= counted.items(), machine


@pytest.mark.parametrize(
    ("expect", "answer", "says"),
    [
        ({}, {"status": "OK", "sw": "9000"}, ""),
        ({}, {"status": "OK", "sw": "6A82"}, "sw 6A82, not 9000"),
        ({}, {"status": "MUTE"}, "status MUTE, not OK"),
        ({"status": ["OK", "MUTE"]}, {"status": "MUTE", "sw": "6A82"}, ""),
        ({"sw": ["9000", "63CX"]}, {"status": "OK", "sw": "63C2"}, ""),
        ({"sw": 9000}, {"status": "OK", "sw": "9000"}, ""),
        ({"bytes": 3}, {"status": "OK", "sw": "9000", "bytes": 2}, "bytes 2, not 3"),
        ({"data": "01 xx"}, {"status": "OK", "sw": "9000", "data": "01FF"}, ""),
        ({"data": "02XX"}, {"status": "OK", "sw": "9000", "data": "01FF"}, "data of 2 bytes, not 02XX"),
        ({"tries": 2}, {"status": "OK"}, "expects tries"),
        ({"within_ms": 5}, {"status": "OK", "within_ms": 6}, "after 6 simulated ms, not within 5"),
    ],
)
def test_expectations(expect: dict[str, Any], answer: dict[str, Any], says: str) -> None:
    if not says:
        check(expect, answer)
        return
    with pytest.raises(Failed) as told:
        check(expect, answer)
    assert says in str(told.value)


@given(st.binary(max_size=6))
def test_a_pattern_of_x_fits_its_length_only(data: bytes) -> None:
    assert matches("X" * 2 * len(data), data.hex())
    assert not matches("X" * (2 * len(data) + 1), data.hex())
    assert matches(data.hex(" "), data.hex().upper())


# Runs, traces, reports

SCENARIO = Scenario("a/b", "An example.", {0: "generic-t1"}, (Step("power", {"slot": 0}),))
PLAN = Plan(("visit",), 3, ("unix", "qemu"), 40)


def _outcome(number: int, kind: str = "passed") -> Outcome:
    lines = ['{"t_ms": 1, "slot": 0, "card": "c", "apdu": "00 84 00 00 08", "data": "8 bytes 0", "sw": "9000"}']
    return Outcome(
        number, "a/b", "unix", 40 + number, kind, "" if kind == "passed" else "why <b>\x00", 1, 0.5, 9, 1, 0, "", lines
    )


def test_sessions_and_their_seeds_follow_from_the_plan() -> None:
    jobs = PLAN.jobs([SCENARIO, replace(SCENARIO, name="c", pace="real")])
    assert [job.number for job in jobs] == list(range(12))
    assert {(j.scenario.name, j.board, j.seed) for j in jobs} == {
        (name, board, seed) for name in ("a/b", "c") for board in ("unix", "qemu") for seed in (40, 41, 42)
    }
    assert PLAN.command() == "tournee sim run visit --seed 40 -n 3 --board unix,qemu"


def test_a_run_broken_off_goes_on_where_it_was(tmp_path: Path) -> None:
    log = Log(tmp_path, PLAN, resume=False)
    log.add(_outcome(0), SCENARIO)
    log.add(_outcome(1, "failed"), SCENARIO)
    log.close()
    with (tmp_path / SESSIONS).open("a") as stream:
        stream.write('{"number": 2, "na')  # the computer stopped here
    with pytest.raises(ScenarioError, match="holds the sessions of another run"):
        Log(tmp_path, PLAN, resume=False)
    with pytest.raises(ScenarioError, match="was run with another seed"):
        Log(tmp_path, replace(PLAN, seed=1), resume=True)
    again = Log(tmp_path, PLAN, resume=True)
    assert [o.number for o in again.done] == [0, 1]
    again.add(_outcome(2), SCENARIO)
    again.close()
    assert len((tmp_path / SESSIONS).read_text("utf-8").splitlines()) == 3
    with pytest.raises(ScenarioError, match="no run to go on with"):
        Log(tmp_path / "empty", PLAN, resume=True)


def test_a_trace_says_all_that_repeats_the_session(tmp_path: Path) -> None:
    path = write_trace(tmp_path, _outcome(1, "failed"), SCENARIO)
    read = read_trace(path)
    assert (read.scenario, read.board, read.seed, read.end, read.step) == (SCENARIO, "unix", 41, "failed", 1)
    assert difference(read.lines, read.lines) == ""
    assert difference(read.lines, [read.lines[0].replace("9000", "6A82")]).startswith("exchange 1 was slot 0 00 84")
    assert difference(read.lines, []) == "1 exchanges then, 0 now"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("{}\n", "no scenario stands at its head"),
        ("nothing\n", "no JSON"),
        ("[1]\n{}\n", "no object"),
        ('{"trace": 9}\n', "trace version 9"),
        ('{"trace": 1, "scenario": {}}\n', "scenario is missing"),
        ('{"trace": 1}\n', "'scenario' is missing"),
    ],
)
def test_a_damaged_trace_is_told(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(text, "utf-8")
    with pytest.raises(ScenarioError) as told:
        read_trace(path)
    assert says in str(told.value) or says in told.value.what
    assert told.value.remedy


def test_a_trace_whose_last_line_was_cut_is_read(tmp_path: Path) -> None:
    path = write_trace(tmp_path, _outcome(1, "failed"), SCENARIO)
    path.write_text(path.read_text("utf-8")[:-9], "utf-8")
    assert len(rows(path)) == 2
    assert read_trace(path).message == "the trace was cut"


def test_junit_and_page_say_the_same_and_escape(tmp_path: Path) -> None:
    outcomes = [_outcome(0), _outcome(1, "failed"), _outcome(2, "error"), replace(_outcome(3, "skipped"), name="c")]
    outcomes[1].trace = "traces/x.jsonl"
    report.write(tmp_path, PLAN, outcomes, 2.0)
    suites = ET.parse(tmp_path / "junit.xml").getroot()
    assert [suite.get("tests") for suite in suites] == ["3", "1"]
    assert (suites[0].get("failures"), suites[0].get("errors"), suites[1].get("skipped")) == ("1", "1", "1")
    failure = suites[0].find("testcase/failure")
    assert failure is not None and "tournee sim replay traces/x.jsonl" in (failure.text or "")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "2 of 4 sessions did not pass" in page and "why &lt;b&gt;" in page and "<b>\x00" not in page
    assert page.count("<details>") == 2 and "00 84 00 00 08" in page
    assert not any(word in page for word in ("src=", "<script", "@import", "url("))
    assert counts(outcomes) == {"passed": 1, "failed": 1, "error": 1, "skipped": 1}


def test_no_pin_nir_or_name_comes_into_a_trace() -> None:
    """What a card answers is never there; what it is sent only where it can hold nothing of a person."""
    trace = Trace(None, lambda: 0.0, keep=True)
    nir = b"2850599350001"
    trace.exchange(1, "vitale", bytes.fromhex("00B0820000"), b"", Response(0x9000, b"DUPONT" + nir))
    trace.exchange(0, "cps", bytes.fromhex("0020000104"), b"4711", Response(0x63C2))
    trace.exchange(0, "cps", bytes.fromhex("0021000104"), b"4711", Response(0x6D00))
    trace.exchange(0, "cps", bytes.fromhex("002A00BEFF"), bytes(200) + nir, Response(0x9000))
    trace.exchange(0, "cps", bytes.fromhex("00A4040C02"), b"\x2f\x00", Response(0x9000))
    text = "\n".join(trace.lines)
    for secret in (nir, b"4711", b"DUPONT"):
        assert secret.decode() not in text and secret.hex(" ").upper() not in text
    assert "2F 00" in text and "19 bytes" in text and "213 bytes" in text
    for line in trace.lines:
        assert report.describe(json.loads(line))


def test_yaml_in_the_documentation_is_a_scenario(root: Path, tmp_path: Path) -> None:
    (block,) = [b for b in (root / "docs/RELIABILITY.md").read_text("utf-8").split("```") if b.startswith("yaml\n")]
    (scenario,) = load.load(_file(tmp_path, block.removeprefix("yaml\n")))
    assert len(scenario.steps) == yaml.safe_load(block.removeprefix("yaml\n"))["steps"].__len__()
