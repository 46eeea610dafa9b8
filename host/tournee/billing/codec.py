"""JSON of bills, rights and evaluations (docs/schemas/bill.json, evaluation.json); every document has a `version`."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from tournee.billing.errors import BadBillFile
from tournee.billing.model import JSON_VERSION, Bill
from tournee.billing.result import Evaluation
from tournee.billing.rights import Rights

T = TypeVar("T")


def bill_to_json(bill: Bill) -> dict[str, Any]:
    """JSON-ready dict with `version`."""
    return {"version": JSON_VERSION, **_dump(bill)}


def bill_from_json(document: Any) -> Bill:
    """Inverse of `bill_to_json`; raises BadBillFile with the paths of all wrong fields."""
    return _document(Bill, document)


def rights_to_json(rights: Rights) -> dict[str, Any]:
    return {"version": JSON_VERSION, **_dump(rights)}


def rights_from_json(document: Any) -> Rights:
    """Inverse of `rights_to_json`; raises BadBillFile with the paths of all wrong fields."""
    return _document(Rights, document)


def evaluation_to_json(evaluation: Evaluation) -> dict[str, Any]:
    return {"version": JSON_VERSION, **_dump(evaluation)}


def evaluation_from_json(document: Any) -> Evaluation:
    """Inverse of `evaluation_to_json`; raises BadBillFile with the paths of all wrong fields."""
    return _document(Evaluation, document)


def _dump(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _dump(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _dump(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_dump(v) for v in value]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    return value


def _document(cls: type[T], document: Any) -> T:
    if not isinstance(document, Mapping):
        raise BadBillFile("", "document JSON attendu : un objet", "donnez un fichier écrit par tournee")
    rest = dict(document)
    version = rest.pop("version", None)
    if version != JSON_VERSION:
        raise BadBillFile(
            "version",
            f"version inconnue, {JSON_VERSION} attendue",
            "mettez tournee à jour ou convertissez le fichier",
        )
    found: T = _load(cls, rest, "")
    return found


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _load(kind: Any, value: Any, path: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _load_union(typing.get_args(kind), value, path)
    if origin is tuple:
        return _load_tuple(typing.get_args(kind), value, path)
    if origin is not None and origin is not typing.Literal and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise _bad(path, "objet attendu")
        inner = typing.get_args(kind)[1]
        return _each((str(k), inner, v, f"{path}.{k}") for k, v in value.items())
    if origin is typing.Literal:
        if value not in typing.get_args(kind):
            raise _bad(path, "valeur hors de la liste")
        return value
    if is_dataclass(kind):
        return _load_dataclass(kind, value, path)
    return _load_scalar(kind, value, path)


def _load_dataclass(kind: Any, value: Any, path: str) -> Any:
    if not isinstance(value, Mapping):
        raise _bad(path, "objet attendu")
    hints = _hints(kind)
    known = {f.name for f in fields(kind)}
    wrong = [_bad(f"{path}.{key}", "champ inconnu") for key in value if key not in known]
    wrong += [_bad(f"{path}.{name}", "champ obligatoire absent") for name in _required(kind) if name not in value]
    try:
        loaded = _each((key, hints[key], item, f"{path}.{key}") for key, item in value.items() if key in known)
    except BadBillFile as exc:
        raise BadBillFile.together([*wrong, exc]) from None
    if wrong:
        raise BadBillFile.together(wrong)
    return kind(**loaded)


def _each(items: Iterable[tuple[Any, Any, Any, str]]) -> dict[Any, Any]:
    """Key → value of each (key, kind, value, path); raises BadBillFile with all that is wrong."""
    found: dict[Any, Any] = {}
    wrong: list[BadBillFile] = []
    for key, kind, value, path in items:
        try:
            found[key] = _load(kind, value, path)
        except BadBillFile as exc:
            wrong.append(exc)
    if wrong:
        raise BadBillFile.together(wrong)
    return found


@cache
def _required(kind: Any) -> tuple[str, ...]:
    import dataclasses

    return tuple(
        f.name for f in fields(kind) if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    )


def _load_union(kinds: tuple[Any, ...], value: Any, path: str) -> Any:
    if value is None:
        if type(None) in kinds:
            return None
        raise _bad(path, "valeur absente")
    for kind in kinds:
        if kind is not type(None):
            try:
                return _load(kind, value, path)
            except BadBillFile as exc:
                last = exc
    raise last


def _load_tuple(kinds: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _bad(path, "liste attendue")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_each((i, kinds[0], v, f"{path}[{i}]") for i, v in enumerate(value)).values())
    if len(value) != len(kinds):
        raise _bad(path, f"{len(kinds)} valeurs attendues")
    return tuple(_each((i, k, v, f"{path}[{i}]") for i, (k, v) in enumerate(zip(kinds, value, strict=True))).values())


def _load_scalar(kind: Any, value: Any, path: str) -> Any:
    if kind is date:
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            raise _bad(path, "date AAAA-MM-JJ attendue") from None
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        try:
            return kind(value)
        except ValueError:
            raise _bad(path, "valeur hors de la liste") from None
    if kind is int and isinstance(value, bool):
        raise _bad(path, "nombre entier attendu")
    if not isinstance(value, kind):
        words = {str: "texte attendu", int: "nombre entier attendu", bool: "true ou false attendu"}
        raise _bad(path, words.get(kind, "autre valeur attendue"))
    return value


def _bad(path: str, what: str) -> BadBillFile:
    where = path.lstrip(".") or "document"
    return BadBillFile(where, f"{where} : {what}", "corrigez ce champ")
