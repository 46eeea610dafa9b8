"""One table per record type for analysis: CSV, or Parquet with the extra `analysis`. Written as records come, in constant memory."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tournee.b2.plan import Plan, RecordPlan

_BATCH = 20_000  # rows per row group of Parquet


class Table(Protocol):
    def write(self, record: Any) -> None: ...

    def close(self) -> None: ...


class Tables:
    """Tables named TYPE.csv or TYPE.parquet in a folder, begun when the first record of their type comes."""

    def __init__(self, plan: Plan, folder: Path, *, parquet: bool) -> None:
        self._plan = plan
        self._folder = folder
        self._make = _parquet if parquet else _Csv
        self._tables: dict[type[Any], Table] = {}
        self._open = ExitStack()

    def __enter__(self) -> Tables:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._open.close()

    def __len__(self) -> int:
        return len(self._tables)

    def write(self, record: Any) -> None:
        table = self._tables.get(type(record))
        if table is None:
            table = self._make(self._folder, self._plan.by_class[type(record)])
            self._open.callback(table.close)
            self._tables[type(record)] = table
        table.write(record)


class _Csv:
    def __init__(self, folder: Path, made: RecordPlan) -> None:
        self._file = (folder / f"{made.record.type}.csv").open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(made.cls._fields)

    def write(self, record: Any) -> None:
        self._writer.writerow(record)

    def close(self) -> None:
        self._file.close()


def _parquet(folder: Path, made: RecordPlan) -> Table:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as exc:
        from tournee.errors import UsageError

        raise UsageError(
            "Parquet demande pyarrow, qui n'est pas installé.", "pip install 'tournee[analysis]', ou --csv."
        ) from exc
    return _Parquet(folder, made, pyarrow)


class _Parquet:
    """Numbers are int64 (amounts in cents), all else strings; a blank is null. What fields mean stands in the file's own schema."""

    def __init__(self, folder: Path, made: RecordPlan, arrow: Any) -> None:
        from tournee_protocol.layouts import Kind

        self._arrow = arrow
        self._schema = arrow.schema(
            [
                arrow.field(
                    f.name,
                    arrow.int64() if f.kind is Kind.N else arrow.string(),
                    metadata={"meaning": f.meaning, "unit": f.unit},
                )
                for f in made.record.valued
            ]
        )
        self._rows: list[Any] = []
        self._writer = arrow.parquet.ParquetWriter(str(folder / f"{made.record.type}.parquet"), self._schema)

    def write(self, record: Any) -> None:
        self._rows.append(record)
        if len(self._rows) == _BATCH:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            columns = list(zip(*self._rows, strict=True))
            self._writer.write_table(self._arrow.table([list(c) for c in columns], schema=self._schema))
            self._rows.clear()
