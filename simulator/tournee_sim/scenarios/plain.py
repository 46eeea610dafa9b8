"""YAML as scenarios are written in it: no value is taken for another one, no key twice, and every part knows its line."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from tournee_sim.scenarios.errors import ScenarioError

_MAX_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Source:
    """Where a document comes from. `node`: the document as YAML's parser sees it, with lines; None for a trace."""

    name: str
    node: Any = None

    def where(self, path: Sequence[Any]) -> str:
        """`file:line: path`, the line of the deepest part that YAML knows."""
        import yaml

        node = self.node
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
        return self.name + (f":{line}" if line else "") + (f": {shown}" if shown else "")


def read(path: Path) -> tuple[Any, Source]:
    """The document of a file, its keys all text; raises ScenarioError."""
    import yaml

    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ScenarioError(str(path), "more than 1 MiB", "split the scenario")
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ScenarioError(str(path), f"cannot be read ({exc})", "give a YAML file in UTF-8") from exc
    try:
        node = yaml.compose(text, Loader=_loader())
        document = plain_keys(yaml.load(text, Loader=_loader()))
        json.dumps(document, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError as exc:
        raise ScenarioError(str(path), "half a character (\\uD800 to \\uDFFF)", "write it as it is, in UTF-8") from exc
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        what, remedy = getattr(exc, "problem", None) or str(exc), getattr(exc, "note", None)
        raise ScenarioError(where, what if remedy else f"no YAML: {what}", remedy or "correct this line") from exc
    return document, Source(str(path), node)


def plain_keys(document: Any) -> Any:
    """YAML reads `0:` as a number; JSON has only names."""
    if isinstance(document, dict):
        return {str(key): plain_keys(value) for key, value in document.items()}
    return [plain_keys(value) for value in document] if isinstance(document, list) else document


@cache
def _loader() -> Any:
    """Plain YAML: only `true`, `false`, `null` and decimal numbers are not text, so that `off` is a word and 0012 is hex."""
    import yaml

    class Plain(yaml.SafeLoader):
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own attribute)

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):  # it could hold itself, or a thousand times a thousand copies
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
                raise yaml.MarkedYAMLError(
                    problem="an alias (*name) is not taken", problem_mark=mark, note="write it out"
                )
            return super().compose_node(parent, index)

        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            lines: dict[str, int] = {}
            for key, _ in node.value:
                if (text := str(key.value)) in lines:
                    problem, mark = f"{text} stands here a second time, first in line {lines[text]}", key.start_mark
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark, note="keep one of them")
                lines[text] = key.start_mark.line + 1
            return node

    for tag, pattern, first in (
        ("bool", r"true|false", "tf"),
        ("null", r"null|~|", ("n", "~", "")),
        ("int", r"-?(0|[1-9][0-9]*)", "-0123456789"),
    ):
        Plain.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})$"), list(first))
    return Plain
