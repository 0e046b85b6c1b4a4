"""Bringing the database's schema up to what this program needs.

Each step is a file, `migrations/NNNN_what_it_does.sql`, and one transaction, so that a step that fails has not
begun. Two comments at its head say its title and the oldest step whose programs may still use the result: expand
first, contract when nobody is left who needs what goes.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from random import uniform
from threading import Event
from typing import NamedTuple

from psycopg import errors

from jobq.drivers.postgres.errors import translated
from jobq.drivers.postgres.target import Connection, Target
from jobq.drivers.protocol import Step
from jobq.drivers.statements import Statements
from jobq.errors import SchemaMismatch

_PACKAGE = "jobq.drivers.postgres"
_ATTEMPTS = 20
_TITLE = re.compile(r"^-- title: (.+)$", re.MULTILINE)
_WORKS_WITH = re.compile(r"^-- works with: (\d+)$", re.MULTILINE)


class _Written(NamedTuple):
    """A step as it was written, and the oldest step whose programs it works with."""

    step: Step
    works_with: int


def newest_step() -> int:
    """The step that this program needs."""
    return _written_steps()[-1].step.number


class PostgresMigrator:
    """The numbered steps, and how far this database has come."""

    def __init__(self, target: Target, sql: Statements) -> None:
        self._target = target
        self._sql = sql

    def current(self) -> int:
        with translated(), self._target.connect(checked=False) as connection:
            return self._current(connection)

    def pending(self) -> list[Step]:
        current = self.current()
        return [written.step for written in _written_steps() if written.step.number > current]

    def migrate(self) -> list[Step]:
        """As in the protocol; raises `SchemaMismatch` when the database was migrated by a newer jobq."""
        with translated(), self._target.connect(checked=False) as connection:
            current = self._current(connection)
            if current > newest_step():
                raise SchemaMismatch(
                    f"the database is at step {current}, this jobq knows {newest_step()}", hint="upgrade jobq"
                )
            done = [self._apply(connection, written) for written in _written_steps()]
            return [step for step in done if step is not None]

    def _current(self, connection: Connection) -> int:
        if not _value(connection, self._sql.migrated):
            return 0
        row = connection.execute(self._sql.schema).fetchone()
        return int(row[0]) if row else 0

    def _apply(self, connection: Connection, written: _Written) -> Step | None:
        """Run a step if it was not run before, again if the tables were too busy; the step if it was run now."""
        for attempt in range(1, _ATTEMPTS):
            try:
                return self._apply_once(connection, written)
            except errors.LockNotAvailable:
                Event().wait(uniform(0, 0.2 * attempt))  # noqa: S311 - spreads out, keeps no secret
        return self._apply_once(connection, written)

    def _apply_once(self, connection: Connection, written: _Written) -> Step | None:
        step = written.step
        with connection.transaction():
            connection.execute(self._sql.migration_lock)
            if self._current(connection) >= step.number:
                return None
            # Bytes, because the type of a text promises that it was written in this program.
            connection.execute(step.sql.encode())
            values = {"number": step.number, "title": step.title, "works_with": written.works_with}
            connection.execute(self._sql.migration_done, values)
        return step


@cache
def _written_steps() -> tuple[_Written, ...]:
    found = [file for file in (files(_PACKAGE) / "migrations").iterdir() if file.name.endswith(".sql")]
    steps = [_step(file.name, file.read_text(encoding="utf-8")) for file in found]
    return tuple(sorted(steps, key=lambda written: written.step.number))


def _step(file: str, sql: str) -> _Written:
    title, works_with = _TITLE.search(sql), _WORKS_WITH.search(sql)
    if title is None or works_with is None:
        raise ValueError(f"{file} does not say its title, or what it works with")
    return _Written(Step(number=int(file.partition("_")[0]), title=title[1], sql=sql), int(works_with[1]))


def _value(connection: Connection, sql: str) -> object:
    row = connection.execute(sql).fetchone()
    return row[0] if row else None
