"""The tables, brought up to date by whoever opens the file.

Nobody runs a migration by hand for an embedded store, so opening does it: in one writing transaction, in which it
looks again, so that of two processes that open an old file at once the second finds nothing to do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib.resources import files

from jobq.drivers.protocol import Step
from jobq.drivers.sqlite.connection import Connections
from jobq.drivers.statements import Statements
from jobq.errors import SchemaMismatch, Unreachable

_PACKAGE = "jobq.drivers.sqlite"


class SqliteMigrator:
    """The numbered steps in `migrations/`, and how far this file has come."""

    def __init__(self, connections: Connections, sql: Statements) -> None:
        self._connections = connections
        self._sql = sql

    def current(self) -> int:
        with self._connections.read() as connection:
            return _number_in(connection, self._sql)

    def pending(self) -> list[Step]:
        current = self.current()
        return [step for step in _steps() if step.number > current]

    def migrate(self) -> list[Step]:
        """As in the protocol; raises `SchemaMismatch` when the file was made by a newer jobq."""
        with self._connections.write() as connection:
            current = _number_in(connection, self._sql)
            wanted = [step for step in _steps() if step.number > current]
            for step in wanted:
                _run(connection, step, self._sql)
            return wanted

    def open(self) -> None:
        """Make the file ready for use: its journal, its tables, and that neither is beyond this program."""
        self._use_log()
        current, newest = self.current(), _steps()[-1].number
        if current > newest:
            raise SchemaMismatch(
                f"{self._connections.path} was made by a newer jobq (schema {current}, this one knows {newest})",
                hint="upgrade jobq, or name another file in the DSN",
            )
        if current < newest:
            self.migrate()

    def _use_log(self) -> None:
        """Write-ahead logging, which the file remembers: readers never wait for the writer."""
        with self._connections.alone() as connection:
            mode = self._connections.patiently(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        if mode != "wal":
            raise Unreachable(
                f"{self._connections.path} cannot have a write-ahead log (its journal is {mode!r})",
                hint="put the file on a local disk",
            )


def _steps() -> list[Step]:
    found = [file for file in (files(_PACKAGE) / "migrations").iterdir() if file.name.endswith(".sql")]
    return [_step(file.name, file.read_text(encoding="utf-8")) for file in sorted(found, key=lambda file: file.name)]


def _step(file: str, sql: str) -> Step:
    number, _, title = file.removesuffix(".sql").partition("_")
    return Step(number=int(number), title=title.replace("_", " "), sql=sql)


def _number_in(connection: sqlite3.Connection, sql: Statements) -> int:
    if connection.execute(sql.migration_table).fetchone() is None:
        return 0
    return int(connection.execute(sql.migration_current).fetchone()["number"])


def _run(connection: sqlite3.Connection, step: Step, sql: Statements) -> None:
    for statement in _split(step.sql):
        connection.execute(statement)
    connection.execute(sql.migration_record, {"number": step.number, "title": step.title})


def _split(script: str) -> Iterator[str]:
    """The statements of a script; SQLite takes them one at a time inside a transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
