"""What is wrong and the remedy, of an error of the schema. Remedies are data: `description` in `schema.json`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, Final

_TYPES: Final = {
    "string": "text (in quotes if it looks like a number)",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "words with their values, as in {slot: 0}",
    "null": "nothing",
}
_LONGEST: Final = 60


def near(word: Any, known: Iterable[str]) -> str:
    """`did you mean power? `, or nothing."""
    found = get_close_matches(str(word), list(known), 1)
    return f"did you mean {found[0]}? " if found else ""


def said(errors: Sequence[Any]) -> tuple[list[Any], str, str]:
    """Path, what is wrong, remedy: of the one of `errors` (jsonschema's) that says most."""
    error = _nearest(errors)
    what, remedy = _words(error)
    return list(error.absolute_path), what, remedy


def _nearest(errors: Sequence[Any]) -> Any:
    """Of several forms that a value may have, the one whose type it has is the one that was meant."""
    from jsonschema.exceptions import relevance

    error = max(errors, key=relevance)
    branches: dict[Any, list[Any]] = {}
    for each in error.context:
        branches.setdefault(each.relative_schema_path[0], []).append(each)
    meant = [b for b in branches.values() if not any(e.validator == "type" and not e.relative_path for e in b)]
    return _nearest(meant[0]) if len(meant) == 1 else error


def _words(error: Any) -> tuple[str, str]:
    kind, value, given = error.validator, error.validator_value, error.instance
    shown = repr(given) if len(repr(given)) <= _LONGEST else f"{repr(given)[:_LONGEST]}…"
    if kind == "additionalProperties" and isinstance(given, dict):
        known = list(error.schema.get("properties", {}))
        unknown = [key for key in given if key not in known]
        hint = near(unknown[0], known) if unknown else ""
        return f"unknown word {', '.join(map(repr, unknown))}", f"{hint}there are {', '.join(known) or 'none'}"
    if kind == "enum":
        return f"{shown} is not known here", f"{near(given, map(str, value))}take one of {', '.join(map(str, value))}"
    if kind == "required":
        missing = ", ".join(key for key in value if key not in (given or {}))
        return f"{missing} is missing", f"add {missing}"
    if kind == "oneOf" and not error.absolute_path:
        return "neither or both of steps and matrix", "give either steps or matrix"
    if kind == "const":
        return f"{shown} is no version this program knows", f"write scenario: {value}"
    about = error.schema.get("description")
    remedy = f"write {about}" if about else "see docs/RELIABILITY.md, Scenarios"
    if kind in ("pattern", "anyOf"):
        return f"{shown} is not written as expected", remedy
    if kind == "type":
        types = [value] if isinstance(value, str) else value
        what = "nothing stands here" if given is None else f"{shown} does not belong here"
        return what, remedy if about else f"write {' or '.join(_TYPES[each] for each in types)}"
    return str(error.message).replace(repr(given), shown), remedy
