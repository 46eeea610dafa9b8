"""Scenarios from YAML files: validated by `schema.json`, errors with file, line, path and remedy; a matrix becomes a scenario per cell."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from tournee_sim.scenarios.errors import ScenarioError
from tournee_sim.scenarios.matrix import Draft, cells
from tournee_sim.scenarios.meaning import expectations, names
from tournee_sim.scenarios.model import Scenario, Step
from tournee_sim.scenarios.plain import Source, plain_keys, read
from tournee_sim.scenarios.said import near, said

LIBRARY: Final = Path(__file__).with_name("library")
SCHEMA: Final = Path(__file__).with_name("schema.json")
_NOT_ACTIONS: Final = frozenset({"expect", "repeat"})


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
            remedy = f"{near(word, known)}`tournee sim run --list` names them"
            raise ScenarioError(word, "no such file, folder or scenario", remedy)
    return list(dict.fromkeys(found))


def load(path: Path) -> list[Scenario]:
    """The scenarios of one file; raises ScenarioError."""
    document, source = read(path)
    found = []
    for scenario, draft in _scenarios(document, path.stem, source):
        expectations(scenario, draft, source)
        found.append(scenario)
    return found


def from_document(document: Any, source: str) -> Scenario:
    """The one scenario that a trace keeps; raises ScenarioError."""
    found = [scenario for scenario, _ in _scenarios(plain_keys(document), "trace", Source(source))]
    if len(found) != 1:
        raise ScenarioError(source, "holds no single scenario", "give a trace of `tournee sim run`")
    return found[0]


def _scenarios(document: Any, stem: str, source: Source) -> Iterator[tuple[Scenario, Draft]]:
    if errors := list(_validator().iter_errors(document)):
        path, what, remedy = said(errors)
        raise ScenarioError(source.where(path), what, remedy)
    if "matrix" in document:
        drafts = cells(document, stem)
        _no_expect(document["matrix"], source)
    else:
        drafts = iter([Draft(document, ["cards"], [["steps", n] for n in range(len(document["steps"]))])])
    for draft in drafts:
        scenario = _scenario(draft, stem, source)
        names(scenario, draft, source)
        yield scenario, draft


def _scenario(draft: Draft, stem: str, source: Source) -> Scenario:
    document = draft.document
    steps = []
    for row, path in zip(document["steps"], draft.steps, strict=True):
        actions = [key for key in row if key not in _NOT_ACTIONS]
        if len(actions) != 1:
            what = f"a step does one thing, not {len(actions)}"
            raise ScenarioError(source.where(path), what, "write one action per step")
        (action,) = actions
        values = row[action]
        if isinstance(values, str):
            values = {"what": values}
        steps.append(Step(action, values or {}, row.get("expect", {}), row.get("repeat", 1)))
    cards = {
        int(slot): tuple(card) if isinstance(card, list) else card for slot, card in document.get("cards", {}).items()
    }
    return Scenario(
        str(document.get("name") or stem),
        document.get("about", ""),
        cards,
        tuple(steps),
        document.get("pace", "fast"),
        document.get("fresh", False),
    )


def _no_expect(matrix: Mapping[str, Any], source: Source) -> None:
    for state, row in matrix["states"].items():
        if "expect" in row["during"]:
            where = source.where(["matrix", "states", state, "during", "expect"])
            raise ScenarioError(where, "a matrix itself says what `during` gets", "write status in its place")


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))


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
