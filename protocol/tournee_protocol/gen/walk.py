"""Reads construct definitions back into plain rows: name, kind, size, note. Nothing else of the generator knows construct."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import construct

Kind = Literal["int", "bytes", "blob", "rest", "many", "const", "checksum"]


@dataclass(frozen=True)
class Field:
    """One field of a record: `size` bytes (of the length prefix for `blob`; 0 for `rest` and `many`)."""

    name: str
    kind: Kind
    size: int
    item: str = ""
    """`many`: the struct repeated, "" for ShortText."""
    note: str = ""


@dataclass(frozen=True)
class Record:
    """One named Struct of a definition module, with the words written beside it."""

    name: str
    fields: tuple[Field, ...]
    doc: str

    @property
    def snake(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name).lower()


@dataclass(frozen=True)
class Constants:
    """An IntEnum/IntFlag: members with the comment of their line."""

    name: str
    doc: str
    members: tuple[tuple[str, int, str], ...]


class Unsupported(TypeError):
    """A construct that the generator cannot turn into device code; the text names the field."""


_SIZES = {"B": 1, "H": 2, "L": 4}


def records(module: ModuleType) -> dict[str, Record]:
    """Every Struct assigned at the top of `module`, in source order."""
    words = _words(module)
    names = {id(value): key for key, value in vars(module).items() if isinstance(value, construct.Struct)}
    found: dict[str, Record] = {}
    for name in words.assigned:
        value = vars(module).get(name)
        if isinstance(value, construct.Struct):
            fields = [f for sub in value.subcons for f in _fields(name, sub, names, words)]
            found[name] = Record(name, tuple(fields), words.docs.get(name, ""))
    return found


def enums(module: ModuleType) -> dict[str, Constants]:
    """Every IntEnum or IntFlag defined in `module`, in source order."""
    words = _words(module)
    found: dict[str, Constants] = {}
    for name, value in vars(module).items():
        if inspect.isclass(value) and issubclass(value, int) and value.__module__ == module.__name__:
            members = tuple((m.name, int(m), words.comment(name, f"{m.name} =")) for m in _members(value))
            found[name] = Constants(name, _doc(value), members)
    return found


def numbers(module: ModuleType) -> dict[str, tuple[object, str]]:
    """Top-level constants (UPPER_CASE ints, bytes, str) with their doc line."""
    words = _words(module)
    found: dict[str, tuple[object, str]] = {}
    for name in words.assigned:
        value = vars(module).get(name)
        if name.isupper() and isinstance(value, int | bytes | str):
            found[name] = (value, words.docs.get(name, "") or words.line_comment.get(name, ""))
    return found


def _members(enum: Any) -> list[IntEnum]:
    return list(enum)


def _doc(value: type) -> str:
    doc = value.__doc__ or ""
    return "" if doc.startswith(("An enumeration", "Support for", "Enum where")) else doc.strip()


def _fields(owner: str, sub: Any, names: dict[int, str], words: _Words) -> list[Field]:
    name = sub.name or ""
    note = words.comment(owner, f'"{name}"')
    core = sub.subcon if isinstance(sub, construct.Renamed) else sub
    if isinstance(core, construct.Rebuild):
        core = core.subcon
    if isinstance(core, construct.RawCopy):
        return [f for inner in core.subcon.subcons for f in _fields(names[id(core.subcon)], inner, names, words)]
    if isinstance(core, construct.Checksum):
        return [Field(name, "checksum", core.checksumfield.sizeof(), note=note)]
    if isinstance(core, construct.Const):
        return [Field(name, "const", core.sizeof(), note=note or repr(core.value))]
    if isinstance(core, construct.FormatField):
        return [Field(name, "int", _SIZES[core.fmtstr[1]], note=note)]
    if isinstance(core, construct.Bytes):
        size = core.length
        return [Field(name, "bytes", size, note=note) if isinstance(size, int) else Field(name, "rest", 0, note=note)]
    if isinstance(core, construct.Prefixed):
        return [Field(name, "blob", core.lengthfield.sizeof(), note=note)]
    if core is construct.GreedyBytes:
        return [Field(name, "rest", 0, note=note)]
    if isinstance(core, construct.GreedyRange):
        return [Field(name, "many", 0, item=names.get(id(core.subcon), ""), note=note)]
    raise Unsupported(
        f"{owner}.{name}: {type(core).__name__} has no device code; teach gen/walk.py or use another type"
    )


@dataclass(frozen=True)
class _Words:
    assigned: list[str]
    docs: dict[str, str]
    line_comment: dict[str, str]
    blocks: dict[str, list[str]]

    def comment(self, owner: str, start: str) -> str:
        for line in self.blocks.get(owner, []):
            if line.strip().startswith(start) and "  # " in line:
                return line.split("  # ", 1)[1].strip()
        return ""


def _words(module: ModuleType) -> _Words:
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    lines = source.splitlines()
    body = ast.parse(source).body
    words = _Words([], {}, {}, {})
    for node, after in zip(body, [*body[1:], None], strict=True):
        name = ""
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif isinstance(node, ast.ClassDef):
            words.blocks[node.name] = lines[node.lineno - 1 : node.end_lineno]
        if not name:
            continue
        words.assigned.append(name)
        words.blocks[name] = lines[node.lineno - 1 : node.end_lineno]
        last = lines[(node.end_lineno or 1) - 1]
        if "  # " in last:
            words.line_comment[name] = last.split("  # ", 1)[1].strip()
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            words.docs[name] = after.value.value.strip()
    return words
