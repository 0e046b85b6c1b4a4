"""Connections to one database, lent for one verb or one transaction and taken back.

Decision: at most two, opened when they are needed and kept, under a lock of their own; not a pool library. A worker
claims and settles on one, and renews its lease on the other while a claim takes long. Nothing on the main path needs
a session of its own: each verb is one statement and commits by itself, so it works through a pooler too, where the
settings that a session would keep are made for each transaction instead. The cost there: three short trips more.

A connection that the server has closed while it was idle is noticed before it is used. One that breaks in the middle
of a verb is dropped, and the verb raises `Unreachable`: only its caller knows whether to do it again.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import uniform
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.rows import tuple_row

from jobq.drivers.postgres.errors import RETRIABLE, is_broken, translated
from jobq.drivers.postgres.target import Target
from jobq.drivers.postgres.verbs import Verb
from jobq.errors import Unreachable

T = TypeVar("T")
Connection = psycopg.Connection[Any]

_MOST = 2
_ATTEMPTS = 5
# An answer that took longer than this is as good as an outage to everybody whose lease is short.
_SLOW = 5.0


class Runner:
    """Runs verbs on a connection that belongs to somebody else, within whatever transaction it is in."""

    def __init__(self, connection: Connection, *, prepare: bool | None = None) -> None:
        # The connection may be a caller's, who has rows in a shape of his own.
        self._cursor = connection.cursor(binary=True, row_factory=tuple_row)
        self._prepare = prepare

    def __call__(self, verb: Verb[T], /) -> T:
        """Send the statement and read its answer."""
        self._cursor.execute(verb.sql, verb.values, prepare=self._prepare)
        return verb.read(self._cursor.fetchall() if self._cursor.description else [])


class Connections:
    """What a driver talks to its database through. `close` is for good."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._idle: list[Connection] = []
        self._guard = threading.Lock()
        self._free = threading.BoundedSemaphore(_MOST)
        self._closing = threading.Event()
        self._healthy_since: float | None = None

    @property
    def healthy_for(self) -> float:
        """For how many seconds every answer has come, and come soon."""
        return 0.0 if self._healthy_since is None else monotonic() - self._healthy_since

    def run(self, verb: Verb[T], /) -> T:
        """Run one verb in a transaction of its own, again if another transaction was in the way."""
        return self._patiently(lambda: self._once(verb))

    def study(self, verb: Verb[T]) -> T:
        """Run a verb that reads many rows, with a plan of its own for these parameters."""
        return self._patiently(lambda: self._study(verb))

    def transact(self, act: Callable[[Runner], T]) -> T:
        """Do several things in one transaction, all of it again if another transaction was in the way."""
        return self._patiently(lambda: self._together(act))

    def close(self) -> None:
        """Close what is idle now, and what is lent as soon as it comes back."""
        self._closing.set()
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _once(self, verb: Verb[T]) -> T:
        if self.target.is_pooled:
            return self._together(lambda run: run(verb))
        with self.lend() as connection:
            return Runner(connection)(verb)

    def _study(self, verb: Verb[T]) -> T:
        with self.lend() as connection, connection.transaction():
            run = Runner(connection, prepare=False)
            run(self.target.study)
            return run(verb)

    def _together(self, act: Callable[[Runner], T]) -> T:
        with self.lend() as connection, connection.transaction():
            run = Runner(connection)
            if self.target.is_pooled:
                run(self.target.local)
            return act(run)

    def _patiently(self, act: Callable[[], T]) -> T:
        with translated():
            for attempt in range(1, _ATTEMPTS):
                try:
                    return act()
                except RETRIABLE:
                    self._closing.wait(uniform(0, 0.01 * 2**attempt))  # noqa: S311 - spreads out, keeps no secret
            return act()

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """A connection for a while. The server's errors come through as they are."""
        with self._free:
            began = monotonic()
            connection = self._take()
            try:
                yield connection
            except psycopg.Error as error:
                if is_broken(error) or connection.closed:
                    self._healthy_since = None
                    connection.close()
                raise
            else:
                self._note_health(began)
            finally:
                self._give_back(connection)

    def _take(self) -> Connection:
        if self._closing.is_set():
            raise Unreachable("this store was closed", hint="open it again")
        while (connection := self._pop()) is not None:
            if _is_alive(connection):
                return connection
            connection.close()
            self._healthy_since = None
        try:
            return self.target.connect()
        except psycopg.Error:
            self._healthy_since = None
            raise

    def _pop(self) -> Connection | None:
        with self._guard:
            return self._idle.pop() if self._idle else None

    def _give_back(self, connection: Connection) -> None:
        usable = not connection.closed and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        with self._guard:
            if usable and not self._closing.is_set():
                self._idle.append(connection)
                return
        connection.close()

    def _note_health(self, began: float) -> None:
        now = monotonic()
        if self._healthy_since is None or now - began > _SLOW:
            self._healthy_since = now


def _is_alive(connection: Connection) -> bool:
    """Whether an idle connection has nothing to say: what comes unasked is the server's farewell."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLERR | select.POLLHUP)
    return not poll.poll(0)
