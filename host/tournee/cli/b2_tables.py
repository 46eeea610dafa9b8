"""One table per record type for analysis: CSV, or Parquet with the extra `analysis`. Written as records come, in constant memory."""

from __future__ import annotations

import csv
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from tournee.cli.whole import Outputs
from tournee.errors import UsageError
from tournee_protocol.layouts import Kind, load, profile_names

if TYPE_CHECKING:
    from tournee.b2.plan import Plan, RecordPlan

_BATCH = 20_000  # rows per row group of Parquet


class Table(Protocol):
    def write(self, record: Any) -> None: ...

    def close(self) -> None: ...


class Tables:
    """Tables named TYPE.csv or TYPE.parquet in a folder, begun when the first record of their type comes; they appear together, at the end.

    A folder that holds tables which this file does not make again is refused (UsageError): whoever reads the folder would mix two files.
    """

    def __init__(self, plan: Plan, folder: Path, *, parquet: bool) -> None:
        self._plan = plan
        self._folder = folder
        self._suffix, self._make = ("parquet", _parquet) if parquet else ("csv", _Csv)
        self._tables: dict[type[Any], Table] = {}
        self._open = ExitStack()
        self._outputs = Outputs()

    def __enter__(self) -> Tables:
        self._refuse_others({r.record.type for r in self._plan.records})
        self._outputs.__enter__()
        self._outputs.folder(self._folder)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        try:
            with suppress(Exception) if kind else nullcontext():  # the first error is the one to tell
                self._open.close()
            if kind is None:
                self._refuse_others({self._plan.by_class[c].record.type for c in self._tables})
                self._outputs.publish()
        finally:
            self._outputs.__exit__(kind, exc, tb)

    def __len__(self) -> int:
        return len(self._tables)

    def write(self, record: Any) -> None:
        table = self._tables.get(type(record))
        if table is None:
            made = self._plan.by_class[type(record)]
            table = self._make(self._outputs.begin(self._folder / f"{made.record.type}.{self._suffix}"), made)
            self._open.callback(table.close)
            self._tables[type(record)] = table
        table.write(record)

    def _refuse_others(self, written: set[str]) -> None:
        types = {r.type for name in profile_names() for r in load(name).records}
        found = {p.name for p in self._folder.glob(f"*.{self._suffix}") if p.stem in types - written}
        if found:
            raise UsageError(
                f"{self._folder} contient les tables d'un autre fichier : {', '.join(sorted(found))} ; rien n'a été écrit.",
                "Donnez un autre dossier, ou supprimez-les.",
            )


class _Csv:
    def __init__(self, path: Path, made: RecordPlan) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(made.cls._fields)

    def write(self, record: Any) -> None:
        self._writer.writerow(record)

    def close(self) -> None:
        self._file.close()


def _parquet(path: Path, made: RecordPlan) -> Table:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as exc:
        raise UsageError(
            "Parquet demande pyarrow, qui n'est pas installé.", "pip install 'tournee[analysis]', ou --csv."
        ) from exc
    return _Parquet(path, made, pyarrow)


class _Parquet:
    """Numbers are int64 (amounts in cents), all else strings; a blank is null. What fields mean stands in the file's own schema."""

    def __init__(self, path: Path, made: RecordPlan, arrow: Any) -> None:
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
        self._writer = arrow.parquet.ParquetWriter(str(path), self._schema)

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
