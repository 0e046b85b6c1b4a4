"""The tables within one transaction, at one instant: what every verb is made of.

Everything that changes a job reads its row, decides in `standing`, and writes the result here. Between the read and
the write nobody else can come, because whoever writes at all has the whole file to itself. So the decisions are
plain functions instead of conditions spread over statements, and one place writes what they decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from sqlite3 import Connection, Row
from typing import Any

from jobq.drivers.sqlite.connection import Connections
from jobq.drivers.sqlite.standing import Standing
from jobq.drivers.sqlite.times import later, ticks_of
from jobq.drivers.statements import Statements
from jobq.jobs import ErrorInfo
from jobq.rotation import Lane

_NONE: Mapping[str, Any] = {}


class Books:
    """Statements run through `connection`, whose transaction is somebody else's business, at the instant `now`."""

    def __init__(self, connection: Connection, sql: Statements, now: int) -> None:
        self.sql = sql
        self.now = now
        self._cursor = connection.cursor()
        # The connection may be a caller's, who has rows in a shape of his own.
        self._cursor.row_factory = Row

    def all(self, statement: str, values: Mapping[str, Any] = _NONE) -> list[Row]:
        """Every row of the answer."""
        return self._cursor.execute(statement, values).fetchall()

    def one(self, statement: str, values: Mapping[str, Any] = _NONE) -> Row | None:
        """The first row of the answer, or None."""
        row: Row | None = self._cursor.execute(statement, values).fetchone()
        return row

    def run(self, statement: str, values: Mapping[str, Any] = _NONE) -> int:
        """Change something; how many rows it was."""
        return self._cursor.execute(statement, values).rowcount

    def run_each(self, statement: str, values: Sequence[Mapping[str, Any]]) -> None:
        """Run the same statement for each set of values."""
        self._cursor.executemany(statement, values)

    def move(self, row: Row, to: Standing, *, started_at: int | None, token: str | None = None) -> None:
        """Bring a live job to where it stands from now on; `token` is that of the claim that ends with this."""
        if to.error is not None:
            self._blame(row, to.error)
        values = {
            "seq": row["seq"],
            "state": to.state,
            "reason": to.reason,
            "result": to.result,
            "run_at": to.run_at,
            "attempt": to.attempt,
            "crashes": to.crashes,
            "losses": to.losses,
            "alone": to.alone,
            "started_at": started_at,
            "token": token,
            "now": self.now,
        }
        if to.state.is_final:
            self.run(self.sql.finish, values)
            self.run(self.sql.forget_live, values)
            self._free_key(row)
        else:
            self.run(self.sql.requeue, values)

    def lane_of(self, lane: Lane) -> int:
        """The number of a lane, which is made if it is new."""
        values = {"queue": lane.queue, "priority": lane.priority, "name": lane.name, "key": lane.key}
        known = self.one(self.sql.lane, values)
        if known is not None:
            return int(known["id"])
        self.run(self.sql.lane_new, values)
        return self.last_number()

    def last_number(self) -> int:
        """The number that the last inserted row was given."""
        return self._cursor.lastrowid or 0

    def take_key(self, *, job: int, name: str, key: str, unique_for: float | None, created_at: int) -> bool:
        """Take a unique key for the job with this `seq`; False when another job holds it."""
        until = None if unique_for is None else later(created_at, unique_for)
        values = {"name": name, "key": key, "job": job, "until": until, "now": self.now}
        return self.run(self.sql.key_take, values) == 1

    def drop_key(self, row: Row) -> None:
        """Give a unique key back whatever was agreed: its job is going, or takes another one."""
        if row["unique_key"] is not None:
            self.run(self.sql.key_drop, {"name": row["name"], "key": row["unique_key"], "job": row["seq"]})

    def _free_key(self, row: Row) -> None:
        """Give back a unique key that was to be held until the job ends."""
        if row["unique_for"] is None:
            self.drop_key(row)

    def _blame(self, row: Row, error: ErrorInfo) -> None:
        """Put an error into the history of the attempt that was under way."""
        self.run(
            self.sql.blame,
            {
                "job": row["seq"],
                "attempt": row["attempt"],
                "type": error.type,
                "message": error.message,
                "traceback": error.traceback,
                "at": self.now,
                "worker": row["worker"],
            },
        )


class Store:
    """One file, the statements for it, and the clock that decides: an aware UTC instant."""

    def __init__(self, connections: Connections, sql: Statements, clock: Callable[[], datetime]) -> None:
        self.connections = connections
        self.sql = sql
        self.clock = clock

    @contextmanager
    def read(self) -> Iterator[Books]:
        """The tables, to look at."""
        with self.connections.read() as connection:
            yield self.books(connection)

    @contextmanager
    def write(self) -> Iterator[Books]:
        """The tables, to change: all of it is kept, or none."""
        with self.connections.write() as connection:
            yield self.books(connection)

    def books(self, connection: Connection) -> Books:
        """The tables by way of any connection to the file, now."""
        return Books(connection, self.sql, ticks_of(self.clock()))
