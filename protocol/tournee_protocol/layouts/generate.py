"""Writes what is made from the tables: `docs/LAYOUTS.md` and the record NamedTuples of the host.

`python -m tournee_protocol.layouts.generate` writes, `--check` fails when a committed file differs.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from tournee_protocol.layouts.loader import load, profile_names
from tournee_protocol.layouts.model import Field, Framing, Kind, Profile, Record

_ROOT = Path(__file__).resolve().parents[3]
_LINE = 120
_TYPES = {Kind.N: "int", Kind.D: "str", Kind.I: "str", Kind.A: "str"}


def outputs() -> dict[str, str]:
    """Path from the root of the tree -> text, for every generated file."""
    made = {"docs/LAYOUTS.md": document([load(name) for name in profile_names()])}
    for name in profile_names():
        made[f"host/tournee/b2/records/{name.replace('-', '_')}.py"] = module(load(name))
    return made


def module(profile: Profile) -> str:
    """The NamedTuples of a profile, one per record, fields in order of position."""
    lines = [
        f'"""Records of {profile.label}. Generated from `tournee_protocol.layouts` ({profile.name}): do not edit.',
        "",
        "A field without default is required; `_REQUIRED` stands for it behind fields with one and is refused by the encoder.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Any, NamedTuple",
        "",
        "_REQUIRED: Any = None",
    ]
    for record in profile.records:
        lines += [
            "",
            "",
            f"class {record.name}(NamedTuple):",
            f'    """Type {record.type}: {_sentence(record.meaning)}"""',
            "",
        ]
        lines += list(_attributes(record)) or ["    pass"]
    names = "".join(f"    {r.name},\n" for r in profile.records)
    union = " | ".join(r.name for r in profile.records)
    lines += [
        "",
        "",
        f"Record = {union}"
        if len(union) < 90
        else "Record = (\n    " + "\n    | ".join(r.name for r in profile.records) + "\n)",
    ]
    lines += [
        "",
        f"RECORDS: tuple[type[Any], ...] = (\n{names})",
        f'"""In the order of the table; profile {profile.name}."""',
    ]
    return "\n".join(lines) + "\n"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _attributes(record: Record) -> Iterator[str]:
    defaulted = False
    for field in record.valued:
        kind = _TYPES[field.kind] + (" | None" if field.blank else "")
        default = ""
        if field.blank and field.default is None:
            default = " = None"
        elif field.default is not None:
            default = f" = {field.default}" if isinstance(field.default, int) else f' = "{field.default}"'
        elif defaulted:
            default = " = _REQUIRED"
        defaulted = defaulted or bool(default)
        unit = f", {field.unit}" if field.unit else ""
        line = f"    {field.name}: {kind}{default}  # {field.pos}-{field.end}{unit}: "
        yield line + textwrap.shorten(field.meaning, _LINE - len(line), placeholder=" …")


def document(profiles: list[Profile]) -> str:
    """docs/LAYOUTS.md."""
    lines = [
        "# Record layouts",
        "",
        "Generated from `protocol/tournee_protocol/layouts/*.toml` by `python -m tournee_protocol.layouts.generate`: do not edit.",
        "",
        "Kinds: **N** number, right-aligned, zero-filled · **D** digits kept as text, right-aligned, zero-filled · **I** as D with",
        "capital letters · **A** text, left-aligned, space-filled · **C** constant. *may be blank*: all spaces read as no value.",
        "Confidence `weak` is marked ⚠. Positions count from 1. Sources are explained in `docs/FIDELITY.md`.",
    ]
    for profile in profiles:
        lines += ["", f"## {profile.label} (`{profile.name}`, {profile.status}, version {profile.version})"]
        lines += ["", _framing(profile)]
        for record in profile.records:
            lines += ["", f"### {profile.name} {record.type}: {record.meaning}", ""]
            lines += [
                f"`{record.name}`, {record.size} bytes. Source: {record.source}; confidence {record.confidence}.",
                "",
            ]
            lines += ["| pos | len | kind | field | default | meaning |", "|---|---|---|---|---|---|"]
            lines += [_row(field, record) for field in record.fields]
    return "\n".join(lines) + "\n"


def _framing(profile: Profile) -> str:
    if profile.framing is Framing.FIXED:
        return "128-byte ASCII records without separator; type at position 1, letter of a supplement at position 39."
    return "Entities of their own length, each ended by `@`, between record 000 and record 999 (128 bytes, no `@`)."


def _row(field: Field, record: Record) -> str:
    name = f"`{field.name}`" if field.name else ""
    default = repr(field.const) if field.kind is Kind.C else "" if field.default is None else repr(field.default)
    notes = [field.meaning]
    if field.unit:
        notes.append(f"*{field.unit}*")
    if field.blank:
        notes.append("*may be blank*")
    if field.values:
        notes.append("; ".join(f"`{k or ' '}` {v}" for k, v in field.values))
    if field.source != record.source or field.confidence != record.confidence:
        notes.append(f"[{field.source}; {field.confidence}]")
    mark = " ⚠" if field.confidence == "weak" else ""
    text = " · ".join(notes).replace("|", "\\|").replace("\n", " ")
    return f"| {field.pos} | {field.len} | {field.kind} | {name}{mark} | {default} | {text} |"


def main(argv: list[str]) -> int:
    """0 when all is written or equal; 1 names the files that differ."""
    stale = []
    for path, text in outputs().items():
        target = _ROOT / path
        if "--check" in argv:
            if not target.exists() or target.read_text("utf-8") != text:
                stale.append(path)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
    for path in stale:
        print(f"{path}: differs from the tables; run python -m tournee_protocol.layouts.generate", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
