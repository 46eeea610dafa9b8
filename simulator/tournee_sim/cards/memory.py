"""What a card keeps without power: counters in a small file, written and synced before the effect they stand for."""

from __future__ import annotations

import json
import os
from pathlib import Path


class CardMemory:
    """Named non-negative integers; `path` None keeps them as long as the process lives."""

    def __init__(self, path: Path | None = None, **defaults: int) -> None:
        self._path = path
        self._values = dict(defaults)
        if path is not None and path.exists():
            self._values |= {str(k): int(v) for k, v in json.loads(path.read_text("ascii")).items()}

    def __getitem__(self, name: str) -> int:
        return self._values.get(name, 0)

    def store(self, **values: int) -> None:
        """Durable before it returns."""
        self._values |= values
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".new")
        with temporary.open("w", encoding="ascii") as stream:
            json.dump(self._values, stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self._path)

    def count(self, name: str) -> None:
        """One more, durable before it returns."""
        self.store(**{name: self[name] + 1})

    def snapshot(self) -> dict[str, int]:
        return dict(self._values)
