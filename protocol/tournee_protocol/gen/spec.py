"""Writes SPEC.md: the prose of `spec.in.md` with byte tables, codes and parameters put in from the definitions."""

from __future__ import annotations

import re
from pathlib import Path

from tournee_protocol import iobus, link, scripts
from tournee_protocol.gen import walk

_MODULES = {"link": link, "iobus": iobus, "scripts": scripts}
_TYPE = {"int": "unsigned", "bytes": "bytes", "const": "constant", "checksum": "CRC-32"}


def document(template: Path) -> str:
    """SPEC.md; a placeholder is `{{records:MODULE}}`, `{{record:MODULE.NAME}}`, `{{enum:MODULE.NAME}}`, `{{numbers:MODULE}}`."""
    return re.sub(r"\{\{(\w+):([\w.]+)\}\}", lambda m: _fill(m[1], m[2]), template.read_text(encoding="utf-8"))


def _fill(what: str, target: str) -> str:
    module_name, _, name = target.partition(".")
    module = _MODULES[module_name]
    if what == "record":
        return _record(walk.records(module)[name])
    if what == "enum":
        return _enum(walk.enums(module)[name])
    if what == "numbers":
        return _numbers(walk.numbers(module))
    if what == "records":
        skip = {"FrameBody", "Frame", "Message"}
        parts = [f"#### {r.name}\n{_record(r)}" for r in walk.records(module).values() if r.name not in skip]
        return "\n".join(parts).rstrip("\n")
    raise ValueError(f"spec.in.md: unknown placeholder {what}")


def _record(record: walk.Record) -> str:
    rows = ["| offset | bytes | field | type | |", "|---|---|---|---|---|"]
    at: int | None = 0
    for f in record.fields:
        offset = str(at) if at is not None else "…"
        if f.kind in _TYPE:
            size, kind = str(f.size), _TYPE[f.kind]
        elif f.kind == "blob":
            size, kind = f"{f.size} + n", f"length ({f.size}) then n bytes"
        elif f.kind == "rest":
            size, kind = "to the end", "bytes"
        else:
            size, kind = "to the end", f"repeated {f.item or 'ShortText'}"
        rows.append(f"| {offset} | {size} | `{f.name}` | {kind} | {_cell(f.note)} |")
        at = at + f.size if at is not None and f.kind in _TYPE else None
    doc = " ".join(record.doc.split())
    return "\n".join([*([doc, ""] if doc else []), *rows]) + "\n"


def _enum(enum: walk.Constants) -> str:
    rows = [f"| {name} | 0x{value:02X} | {_cell(note)} |" for name, value, note in enum.members]
    return "\n".join([enum.doc, "", f"| {enum.name} | code | |", "|---|---|---|", *rows]).lstrip("\n") + "\n"


def _numbers(numbers: dict[str, tuple[object, str]]) -> str:
    rows = [
        f"| `{name}` | {_value(value)} | {_cell(' '.join(doc.split()))} |" for name, (value, doc) in numbers.items()
    ]
    return "\n".join(["| parameter | value | |", "|---|---|---|", *rows]) + "\n"


def _value(value: object) -> str:
    return (
        value.hex(" ").upper() if isinstance(value, bytes) else f"`{value}`" if isinstance(value, str) else str(value)
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
