"""Frozen dataclasses that are cheap to make: an evaluation makes dozens."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def value(cls: type[T]) -> type[T]:
    """`dataclass(frozen=True)` whose `__init__` fills the instance's dict; the generated one calls `object.__setattr__` per
    field, which is half of the time of an evaluation.
    """
    made = dataclass(frozen=True, init=False)(cls)
    names = [f.name for f in fields(made)]  # type: ignore[arg-type]
    defaults, head = {}, []
    for f in fields(made):  # type: ignore[arg-type]
        if f.default is not MISSING:
            defaults[f"_{f.name}"] = f.default
        elif f.default_factory is not MISSING:
            defaults[f"_{f.name}"] = f.default_factory()  # shared: what the factories of these classes make is frozen
        head.append(f"{f.name}=_{f.name}" if f"_{f.name}" in defaults else f.name)
    body = "".join(f"    d[{name!r}] = {name}\n" for name in names)
    source = f"def __init__(self, {', '.join(head)}):\n    d = self.__dict__\n{body}"
    scope: dict[str, object] = dict(defaults)
    exec(source, scope)
    setattr(made, "__init__", scope["__init__"])  # noqa: B010
    return made
