"""Scenarios from YAML files: validated by `schema.json`, errors with file, line, path and remedy; a matrix becomes a scenario per cell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Final

from tournee_sim.scenarios.errors import ScenarioError
from tournee_sim.scenarios.matrix import cells
from tournee_sim.scenarios.model import Scenario, Step

LIBRARY: Final = Path(__file__).with_name("library")
SCHEMA: Final = Path(__file__).with_name("schema.json")
_NOT_ACTIONS: Final = frozenset({"expect", "repeat"})
_MAX_BYTES: Final = 1 << 20


def library() -> dict[str, Path]:
    """Scenario files that come with the simulator, by the name that `find` takes."""
    return {p.relative_to(LIBRARY).with_suffix("").as_posix(): p for p in sorted(LIBRARY.rglob("*.yaml"))}


def find(words: Iterable[str]) -> list[Path]:
    """Files of names of the library, of files and of folders; raises ScenarioError."""
    known = library()
    found: list[Path] = []
    for word in words:
        path = Path(word)
        inside = [p for name, p in known.items() if name.startswith(word.rstrip("/") + "/")]
        if word in known:
            found.append(known[word])
        elif inside:
            found += inside
        elif path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.suffix in (".yaml", ".yml"))
            if not files:
                raise ScenarioError(word, "no scenario (*.yaml) in this folder", "give a folder with scenarios in it")
            found += files
        elif path.is_file():
            found.append(path)
        else:
            near = get_close_matches(word, known, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ScenarioError(word, "no such file, folder or scenario", f"{hint}`tournee sim run --list` names them")
    return list(dict.fromkeys(found))


def load(path: Path) -> list[Scenario]:
    """The scenarios of one file; raises ScenarioError."""
    import yaml

    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ScenarioError(str(path), "more than 1 MiB", "split the scenario")
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ScenarioError(str(path), f"cannot be read ({exc})", "give a YAML file in UTF-8") from exc
    try:
        node = yaml.compose(text, Loader=_loader())
        document = yaml.load(text, Loader=_loader())
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ScenarioError(where, f"no YAML: {getattr(exc, 'problem', None) or exc}", "correct this line") from exc
    return _scenarios(document, path.stem, str(path), node)


@cache
def _loader() -> Any:
    """Plain YAML: only `true`, `false`, `null` and decimal numbers are not text, so that `off` is a word and 0012 is hex."""
    import yaml

    class Plain(yaml.SafeLoader):
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own attribute)

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):  # it could hold itself, or a thousand times a thousand copies
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
                raise yaml.MarkedYAMLError(problem="an alias (*name) is not taken: write it out", problem_mark=mark)
            return super().compose_node(parent, index)

    for tag, pattern, first in (
        ("bool", r"true|false", "tf"),
        ("null", r"null|~|", ("n", "~", "")),
        ("int", r"-?(0|[1-9][0-9]*)", "-0123456789"),
    ):
        Plain.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})$"), list(first))
    return Plain


def from_document(document: Any, source: str) -> Scenario:
    """The one scenario that a trace keeps; raises ScenarioError."""
    found = _scenarios(document, "trace", source, None)
    if len(found) != 1:
        raise ScenarioError(source, "holds no single scenario", "give a trace of `tournee sim run`")
    return found[0]


def _scenarios(document: Any, stem: str, source: str, node: Any) -> list[Scenario]:
    document = _plain_keys(document)
    _validate(document, source, node)
    if "matrix" in document:
        return [_scenario(d, stem, source, node, ["matrix"]) for d in cells(document, stem)]
    return [_scenario(document, stem, source, node, ["steps"])]


def _scenario(document: Mapping[str, Any], stem: str, source: str, node: Any, path: Sequence[str]) -> Scenario:
    steps = []
    for number, row in enumerate(document["steps"]):
        actions = [key for key in row if key not in _NOT_ACTIONS]
        if len(actions) != 1:
            where = _where(source, node, [*path, number] if path == ["steps"] else path)
            raise ScenarioError(where, f"a step does one thing, not {len(actions)}", "write one action per step")
        (action,) = actions
        values = row[action]
        if isinstance(values, str):
            values = {"what": values}
        steps.append(Step(action, values or {}, row.get("expect", {}), row.get("repeat", 1)))
    cards = {
        int(slot): tuple(card) if isinstance(card, list) else card for slot, card in document.get("cards", {}).items()
    }
    scenario = Scenario(
        str(document.get("name") or stem),
        document.get("about", ""),
        cards,
        tuple(steps),
        document.get("pace", "fast"),
        document.get("fresh", False),
    )
    _check_words(scenario, source, node)
    return scenario


def _check_words(scenario: Scenario, source: str, node: Any) -> None:
    """Cards, faults and states are those that exist."""
    from tournee_sim.boards.watch import machine_states
    from tournee_sim.faults import FaultError, parse
    from tournee_sim.people import card_ids

    known = card_ids()
    named: list[tuple[Any, Any]] = list(scenario.cards.items())
    named += [(s.values.get("slot"), s.values.get("card")) for s in scenario.steps if s.action in ("insert", "next")]
    for slot, card in named:
        for each in card if isinstance(card, (list, tuple)) else [card]:
            if each is not None and each not in known:
                near = get_close_matches(str(each), known, 1)
                hint = f"did you mean {near[0]}? " if near else ""
                raise ScenarioError(
                    _where(source, node, []), f"slot {slot}: no card {each!r}", f"{hint}`tournee sim cards` names them"
                )
    for number, step in enumerate(scenario.steps):
        where = _where(source, node, ["steps", number])
        if step.action == "fault":
            try:
                parse(step.values["kind"])
            except FaultError as exc:
                raise ScenarioError(where, str(exc), "take one of these") from exc
        if step.action == "strike":
            states = machine_states()
            if step.values["state"] not in states.get(step.values["machine"], ()):
                listed = "; ".join(f"{name}: {', '.join(table)}" for name, table in states.items())
                what = f"no state {step.values['machine']}/{step.values['state']}"
                raise ScenarioError(where, what, f"the firmware's tables have {listed}")


def _plain_keys(document: Any) -> Any:
    """YAML reads `0:` as a number; JSON has only names."""
    if isinstance(document, dict):
        return {str(key): _plain_keys(value) for key, value in document.items()}
    return [_plain_keys(value) for value in document] if isinstance(document, list) else document


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))


def _validate(document: Any, source: str, node: Any) -> None:
    from jsonschema.exceptions import best_match

    error = best_match(_validator().iter_errors(document))
    if error is None:
        return
    path = list(error.absolute_path)
    raise ScenarioError(_where(source, node, path), *_said(error))


def _said(error: Any) -> tuple[str, str]:
    """What is wrong and the remedy, of a jsonschema error."""
    kind, value = error.validator, error.validator_value
    if kind == "additionalProperties" and isinstance(error.instance, dict):
        known = list(error.schema.get("properties", {}))
        unknown = [key for key in error.instance if key not in known]
        near = get_close_matches(unknown[0], known, 1) if unknown else []
        hint = f"did you mean {near[0]}? " if near else ""
        return f"unknown word {', '.join(map(repr, unknown))}", f"{hint}there are {', '.join(known) or 'none'}"
    if kind == "enum":
        return f"{error.instance!r} is not known here", f"take one of {', '.join(map(str, value))}"
    if kind == "required":
        missing = [key for key in value if key not in (error.instance or {})]
        return f"{', '.join(missing)} is missing", f"add {', '.join(missing)}"
    if kind == "oneOf" and not error.absolute_path:
        return "neither or both of steps and matrix", "give either steps or matrix"
    if kind == "const":
        return f"{error.instance!r} is no version this program knows", f"write scenario: {value}"
    if kind == "pattern":
        return f"{error.instance!r} is not written as expected", "hex digits in pairs, as in '00 A4 00 00'"
    return error.message, "see docs/RELIABILITY.md, Scenarios"


def _where(source: str, node: Any, path: Sequence[Any]) -> str:
    """`file:line: path`, the line of the deepest part that YAML knows."""
    import yaml

    line = node.start_mark.line + 1 if node is not None else 0
    for key in path:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(key)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            found = (node.value[key], node.value[key])
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    shown = "/".join(map(str, path))
    return source + (f":{line}" if line else "") + (f": {shown}" if shown else "")


def scenarios(words: Iterable[str]) -> Iterator[Scenario]:
    """All scenarios of `words` (see `find`), each name once; raises ScenarioError."""
    seen: dict[str, Path] = {}
    for path in find(words):
        for scenario in load(path):
            if scenario.name in seen:
                raise ScenarioError(
                    str(path), f"the name {scenario.name} is also in {seen[scenario.name]}", "name one of them anew"
                )
            seen[scenario.name] = path
            yield scenario
