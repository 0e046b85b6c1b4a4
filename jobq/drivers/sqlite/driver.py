"""The verbs: each one transaction on the books, and a hint to whoever waits for what has changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from jobq.drivers.protocol import Capabilities, Claimed, Demand, Session
from jobq.drivers.sqlite import claiming, producing, settling
from jobq.drivers.sqlite.books import Store
from jobq.drivers.sqlite.connection import Connections
from jobq.drivers.sqlite.files import prepare
from jobq.drivers.sqlite.inspector import SqliteInspector
from jobq.drivers.sqlite.joining import joined
from jobq.drivers.sqlite.maintainer import SqliteMaintainer
from jobq.drivers.sqlite.operator import SqliteOperator
from jobq.drivers.sqlite.rows import command_of
from jobq.drivers.sqlite.schema import SqliteMigrator
from jobq.drivers.sqlite.session import SqliteSession
from jobq.drivers.sqlite.times import ticks_in
from jobq.drivers.sqlite.wake import Bell
from jobq.drivers.statements import Statements, statements_of
from jobq.errors import Unsupported
from jobq.jobs import Command, HandlerInfo, Inserted, NewJob, Note, SessionInfo, SessionState, Settled, Settlement

_OLDEST = (3, 31, 0)


def utc_now() -> datetime:
    """The clock of this store: that of the one host it lives on."""
    return datetime.now(UTC)


def open_sqlite(
    path: Path,
    *,
    patience: float = 10.0,
    clock: Callable[[], datetime] = utc_now,
    sql: Statements | None = None,
) -> SqliteDriver:
    """Open the database at `path`, make it if it is missing, and bring its tables up to date.

    `patience` is how many seconds a verb waits for other processes that write, before it raises `TryAgain`.
    `clock` and `sql` are for tests: a clock that can be turned, and altered statements. Raises `PermissionDenied`
    for a file or folder that may not be written, `ConfigError` for something that is no database, `SchemaMismatch`
    for one that a newer jobq has made, and `Unreachable` when it cannot be used for another reason.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise Unsupported(
            f"SQLite {sqlite3.sqlite_version} is too old for jobq",
            hint="use a Python with SQLite 3.31 or newer, or another store",
        )
    connections = Connections(prepare(path), patience=patience)
    driver = SqliteDriver(connections, clock, sql or statements_of("jobq.drivers.sqlite"))
    try:
        driver.migrator.open()
    except BaseException:
        driver.close()
        raise
    return driver


class SqliteDriver:
    """A store in one file; `open_sqlite` makes one."""

    capabilities = Capabilities(name="sqlite", durable=True, shared=True, transactional=True)

    def __init__(self, connections: Connections, clock: Callable[[], datetime], sql: Statements) -> None:
        self._connections = connections
        self._store = Store(connections, sql, clock)
        self._bell = Bell(self._store)
        self._sessions: dict[str, SqliteSession] = {}
        self.inspector = SqliteInspector(self._store)
        self.operator = SqliteOperator(self._store, self._bell)
        self.maintainer = SqliteMaintainer(self._store, self._bell)
        self.migrator = SqliteMigrator(connections, sql)

    def close(self) -> None:
        self._connections.close()

    def insert(self, jobs: Sequence[NewJob], *, connection: Any = None) -> list[Inserted]:
        if connection is not None:
            # No hint: nobody but the caller knows when, and whether, these jobs come to be.
            with joined(connection, self._connections.path) as caller:
                return producing.insert(self._store.books(caller), jobs)
        with self._store.write() as books:
            inserted = producing.insert(books, jobs)
        self._bell.ring()
        return inserted

    def open_session(self, info: SessionInfo, *, lease: float) -> SqliteSession:
        with self._store.write() as books:
            values = {
                "id": info.id,
                "info": msgspec.json.encode(info).decode(),
                "processes": info.processes,
                "lease": ticks_in(lease),
                "now": books.now,
            }
            books.run(books.sql.session_new, values)
            books.run_each(books.sql.handler_new, [_handler_row(handler, books.now) for handler in info.handlers])
        session = self._sessions[info.id] = SqliteSession(info)
        return session

    def close_session(self, session: Session) -> None:
        with self._store.write() as books:
            books.run(books.sql.session_gone, {"session": session.id})
            books.run(books.sql.inbox_empty, {"session": session.id})
        self._sessions.pop(session.id, None)

    def extend(self, session: Session, claims: Collection[str] = ()) -> bool:
        with self._store.write() as books:
            return books.run(books.sql.extend, {"session": session.id, "now": books.now}) == 1

    def describe(self, session: Session, state: SessionState, processes: int) -> None:
        with self._store.write() as books:
            books.run(books.sql.describe, {"session": session.id, "state": state, "processes": processes})

    def claim(self, session: Session, demand: Demand) -> Claimed:
        known = self._sessions.get(session.id)
        if known is None:
            return Claimed(claims=())
        with self._store.write() as books:
            return claiming.claim(books, known, demand)

    def settle(self, session: Session, settlements: Sequence[Settlement]) -> list[Settled]:
        with self._store.write() as books:
            settled = settling.settle(books, settlements)
        self._bell.ring()
        return settled

    def inbox(self, session: Session) -> list[Command]:
        with self._store.read() as books:
            posted = books.all(books.sql.inbox, {"session": session.id})
        # Looking is free and often in vain; writing waits for its turn and for the disk.
        return self._empty_inbox(session) if posted else []

    def annotate(self, session: Session, notes: Sequence[Note]) -> None:
        with self._store.write() as books:
            settling.annotate(books, notes)

    def listen(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        return self._bell.listen(wake)

    def _empty_inbox(self, session: Session) -> list[Command]:
        with self._store.write() as books:
            posted = books.all(books.sql.inbox, {"session": session.id})
            books.run(books.sql.inbox_empty, {"session": session.id})
            return [command_of(row) for row in posted]


def _handler_row(handler: HandlerInfo, now: int) -> dict[str, Any]:
    return {"name": handler.name, "info": msgspec.json.encode(handler).decode(), "now": now}
