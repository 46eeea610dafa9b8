"""Journal and numbers on SQLAlchemy: append only, durable before it returns, personal data sealed (AES-256-GCM) from the first row.

A row shows subject, step and time; all else is ciphertext bound to them, so that a row cannot be moved to another place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    create_engine,
    event,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tournee.practice.ports import Clock, Entry, Mark, New
from tournee.store.errors import (
    JournalDamaged,
    JournalLocked,
    JournalNotWritten,
    JournalOfAnotherVersion,
    NumbersExhausted,
    WrongKey,
)

SCHEMA_VERSION = 1
"""Of the tables; a journal of another version is refused, never altered in place."""
_KEY_CHECK = "key-check"
_AT_ONCE = 500
"""Subjects of one query: a database limits the variables of a statement (SQLite: 999 before 3.32)."""
_metadata = MetaData()
_journal = Table(
    "journal",
    _metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at", String, nullable=False),
    Column("subject", String, nullable=False, index=True),
    Column("step", String, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
_numbers = Table(
    "numbers",
    _metadata,
    Column("series", String, primary_key=True),
    Column("next", Integer, nullable=False),
    Column("last", Integer, nullable=False),
)
_meta = Table("meta", _metadata, Column("key", String, primary_key=True), Column("value", String, nullable=False))


class SqlJournal:
    """`Journal` of the use cases on a SQLAlchemy URL (SQLite, PostgreSQL)."""

    def __init__(self, url: str, key: bytes, clock: Clock, *, busy_ms: int = 5000) -> None:
        self._engine = _engine(url, busy_ms)
        self._aead = AESGCM(key)
        self._clock = clock
        with self._begun() as db:  # raises WrongKey, JournalOfAnotherVersion
            _metadata.create_all(db)
            made = db.execute(select(_meta.c.value).where(_meta.c.key == "schema")).scalar()
            if made is None:
                db.execute(insert(_meta).values(key="schema", value=str(SCHEMA_VERSION)))
            elif made != str(SCHEMA_VERSION):
                raise JournalOfAnotherVersion(made, SCHEMA_VERSION)
            self._check_key(db)

    @classmethod
    def at(cls, path: Path, key: bytes, clock: Clock) -> SqlJournal:
        """The journal in a SQLite file, made for this user only."""
        if not path.exists():
            path.touch(mode=0o600)
        return cls(f"sqlite:///{path}", key, clock)

    def commit(self, *news: New) -> Sequence[Entry]:
        """Raises NumbersExhausted, JournalLocked, JournalNotWritten; nothing is changed then."""
        with self._begun() as db:
            return [self._append(db, new) for new in news]

    def entries(
        self,
        subject: str | None = None,
        *,
        prefix: str = "",
        among: Collection[str] | None = None,
        steps: Collection[str] = (),
    ) -> Sequence[Entry]:
        """Raises JournalDamaged, JournalLocked."""
        query = select(_journal)
        if steps:
            query = query.where(_journal.c.step.in_(steps))
        if subject is not None:
            query = query.where(_journal.c.subject == subject)
        elif prefix:
            query = query.where(_journal.c.subject.startswith(prefix, autoescape=True))
        if among is None:
            return self._opened([query])
        names = sorted(among)
        parts = [names[i : i + _AT_ONCE] for i in range(0, len(names), _AT_ONCE)]
        return self._opened([query.where(_journal.c.subject.in_(part)) for part in parts])

    def marks(self, prefix: str) -> Sequence[Mark]:
        """Raises JournalLocked."""
        query = select(_journal.c.at, _journal.c.subject, _journal.c.step).order_by(_journal.c.seq)
        with self._begun() as db:
            rows = db.execute(query.where(_journal.c.subject.startswith(prefix, autoescape=True)))
            return [Mark(datetime.fromisoformat(at), subject, step) for at, subject, step in rows]

    def set_range(self, series: str, first: int, last: int) -> None:
        """Give `series` the numbers first..last; a number already taken is never given again."""
        with self._begun() as db:
            row = db.execute(select(_numbers).where(_numbers.c.series == series)).first()
            if row is None:
                db.execute(insert(_numbers).values(series=series, next=first, last=last))
            else:
                db.execute(
                    update(_numbers).where(_numbers.c.series == series).values(next=max(first, row.next), last=last)
                )

    def ranges(self) -> dict[str, tuple[int, int]]:
        """series -> (next number, last number)."""
        with self._engine.connect() as db:
            return {row.series: (row.next, row.last) for row in db.execute(select(_numbers))}

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        """One transaction; the engine's errors as ours."""
        try:
            with self._engine.begin() as db:
                yield db
        except OperationalError as exc:
            said = str(exc.orig)
            if "locked" in said:
                raise JournalLocked from None
            if any(word in said for word in ("full", "readonly", "I/O", "unable to open")):
                raise JournalNotWritten(said) from None
            raise

    def _opened(self, queries: Sequence[Select[Any]]) -> Sequence[Entry]:
        """What all of `queries` find, as of one moment."""
        with self._begun() as db:
            rows = [row for query in queries for row in db.execute(query)]
        return [self._open(row) for row in sorted(rows, key=lambda row: row.seq)]

    def _check_key(self, db: Connection) -> None:
        """Raises WrongKey: what a first opening sealed does not open with this key."""
        sealed = db.execute(select(_meta.c.value).where(_meta.c.key == _KEY_CHECK)).scalar()
        if sealed is None:
            nonce = os.urandom(12)
            value = (nonce + self._aead.encrypt(nonce, b"", _KEY_CHECK.encode())).hex()
            db.execute(insert(_meta).values(key=_KEY_CHECK, value=value))
            return
        try:
            raw = bytes.fromhex(sealed)
            self._aead.decrypt(raw[:12], raw[12:], _KEY_CHECK.encode())
        except (InvalidTag, ValueError):
            raise WrongKey from None

    def _append(self, db: Connection, new: New) -> Entry:
        data = dict(new.data)
        if new.take is not None:
            data["numero"] = _take(db, new.take)
        at = self._clock.now()
        stamp = at.isoformat()
        nonce = os.urandom(12)
        sealed = self._aead.encrypt(nonce, json.dumps(data).encode(), _bound(stamp, new.subject, new.step))
        done = db.execute(
            insert(_journal).values(at=stamp, subject=new.subject, step=new.step, nonce=nonce, sealed=sealed)
        )
        key = done.inserted_primary_key
        return Entry(int(key[0]) if key else 0, at, new.subject, new.step, data)

    def _open(self, row: Any) -> Entry:
        try:
            clear = self._aead.decrypt(row.nonce, row.sealed, _bound(row.at, row.subject, row.step))
        except InvalidTag:
            raise JournalDamaged(row.seq) from None
        return Entry(row.seq, datetime.fromisoformat(row.at), row.subject, row.step, json.loads(clear))


def _take(db: Connection, series: str) -> int:
    row = db.execute(select(_numbers).where(_numbers.c.series == series).with_for_update()).first()
    if row is None:
        raise NumbersExhausted(series, 0)
    if row.next > row.last:
        raise NumbersExhausted(series, row.last)
    db.execute(update(_numbers).where(_numbers.c.series == series).values(next=row.next + 1))
    return int(row.next)


def _bound(at: str, subject: str, step: str) -> bytes:
    return "\0".join((at, subject, step)).encode()


def _engine(url: str, busy_ms: int) -> Engine:
    engine = create_engine(url, poolclass=NullPool if url.startswith("sqlite") else None, hide_parameters=True)
    if url.startswith("sqlite"):

        @event.listens_for(engine, "connect")
        def _on_connect(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # transactions are ours: BEGIN IMMEDIATE below
            connection.execute(f"PRAGMA busy_timeout={busy_ms}")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA secure_delete=ON")

        @event.listens_for(engine, "begin")
        def _on_begin(connection: Connection) -> None:
            connection.execute(text("BEGIN IMMEDIATE"))

    return engine
