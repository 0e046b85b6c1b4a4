"""Connections to one file: borrowed for a verb, given back after it.

Decision: a small pool, with one lock around whatever writes. One connection behind a lock would let a long list
hold up the renewal of a lease, although readers and the writer do not disturb each other in this file; one
connection per thread would leak with every thread that ends. SQLite has a single writer in any case: the lock puts
the threads of this process in line, so that only processes have to compete.

They compete by trying again every millisecond or so. SQLite's own waiting (`busy_timeout`) soon looks only ten times
a second, and against a process that writes without a pause it then misses the short gaps for seconds on end.

Writers begin with BEGIN IMMEDIATE: whoever reads first and writes later would be refused halfway. Durability is
SQLite's strongest in this mode (WAL with synchronous=FULL): a transaction that has committed is on the disk.

A fork must not carry a connection along: SQLite keeps the state of its file locks in the process, and a child that
inherits it writes without holding any. So idle connections are closed before a fork and opened again after it on
both sides; a child that was forked in the middle of a verb refuses to work and says why.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import uniform
from time import monotonic
from typing import TypeVar

from jobq.drivers.sqlite.failure import is_busy, told, translate
from jobq.drivers.sqlite.functions import payload_has
from jobq.errors import TryAgain, Unreachable, Unsupported

T = TypeVar("T")
_CACHED_STATEMENTS = 256
_PAUSE = (0.0005, 0.002)  # seconds
_SETTINGS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA temp_store = MEMORY",
)


class Connections:
    """Connections to the SQLite file at `path`.

    `patience` is how many seconds a verb waits in all for other processes to let go of the file, before it is
    given up with `TryAgain`. The file must be there: `files.prepare` makes it.
    """

    def __init__(self, path: Path, *, patience: float) -> None:
        self.path = path
        self._patience = patience
        self._identity = _identity_of(path)
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._writing = threading.Lock()
        self._borrowed = 0
        self._closing = threading.Event()
        self._inherited = False
        _watch_forks(self)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection whose statements all see the same state of the store."""
        with self._connection() as connection:
            yield from self._transaction(connection, _begin_reading)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction of its own that may write: committed at the end, or rolled back whole."""
        if not self._writing.acquire(timeout=self._patience):
            raise TryAgain(f"{self.path} has been busy for {self._patience:g} s", hint="try again in a moment")
        try:
            with self._connection() as connection:
                yield from self._transaction(connection, _begin_writing)
        finally:
            self._writing.release()

    @contextmanager
    def alone(self) -> Iterator[sqlite3.Connection]:
        """A connection outside of any transaction, for settings of the file."""
        with self._connection() as connection, told(self.path):
            yield connection

    def patiently(self, act: Callable[[], T]) -> T:
        """Do it again for as long as other processes are in the way, within the patience of this store."""
        deadline = monotonic() + self._patience
        while True:
            try:
                return act()
            except sqlite3.Error as error:
                if not is_busy(error) or monotonic() >= deadline:
                    raise translate(error, self.path) from error
            self._closing.wait(uniform(*_PAUSE))  # noqa: S311 - spreads out those who wait, keeps no secret

    def close(self) -> None:
        """Close what is idle now, and what is borrowed as soon as it comes back."""
        self._closing.set()
        self._close_idle()

    def _transaction(
        self, connection: sqlite3.Connection, begin: Callable[[sqlite3.Connection], None]
    ) -> Iterator[sqlite3.Connection]:
        with told(self.path):
            self.patiently(lambda: begin(connection))
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = self._borrow()
        try:
            yield connection
        except Unreachable:
            # What went wrong with the file may have to do with this connection to it.
            self._give_back(connection, reusable=False)
            raise
        except BaseException:
            self._give_back(connection, reusable=True)
            raise
        else:
            self._give_back(connection, reusable=True)

    def _borrow(self) -> sqlite3.Connection:
        self._follow()
        with self._guard:
            self._refuse_if_unusable()
            self._borrowed += 1
            if self._idle:
                return self._idle.pop()
        try:
            return self.patiently(self._open)
        except BaseException:
            with self._guard:
                self._borrowed -= 1
            raise

    def _give_back(self, connection: sqlite3.Connection, *, reusable: bool) -> None:
        with self._guard:
            self._borrowed -= 1
            if reusable and not self._closing.is_set():
                self._idle.append(connection)
                return
        connection.close()

    def _refuse_if_unusable(self) -> None:
        if self._closing.is_set():
            raise Unreachable(f"the store {self.path} was closed", hint="connect again")
        if self._inherited:
            raise Unsupported(
                f"the store {self.path} was in use while this process was forked", hint="connect after the fork"
            )

    def _follow(self) -> None:
        """Notice that the file was removed or replaced: what we write into the old one, nobody will ever read."""
        identity = _identity_of(self.path)
        if identity != self._identity:
            self._close_idle()
            self._identity = identity
        if identity is None:
            raise Unreachable(f"the database {self.path} is gone", hint="connect again to start an empty one")

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_CACHED_STATEMENTS,
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.create_function("jobq_payload_has", 2, payload_has, deterministic=True)
            for setting in _SETTINGS:
                connection.execute(setting)
        except BaseException:
            connection.close()
            raise
        return connection

    def _close_idle(self) -> None:
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def before_fork(self) -> None:
        """Let writers finish and close what is idle, so that the child inherits nothing of the file."""
        self._writing.acquire()
        self._close_idle()
        self._guard.acquire()

    def after_fork(self, *, in_child: bool) -> None:
        """Go on as before; in the child, unless somebody was reading at that moment."""
        self._inherited = self._inherited or (in_child and self._borrowed > 0)
        self._guard.release()
        self._writing.release()


def _begin_writing(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")


def _begin_reading(connection: sqlite3.Connection) -> None:
    """Begin by looking, which fixes what is seen from here on, and is the one time that others can be in the way."""
    connection.execute("BEGIN")
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _watch_forks(connections: Connections) -> None:
    """Hooks cannot be taken back, so they must not keep the connections alive."""
    watched = weakref.ref(connections)
    held: list[Connections] = []

    def before() -> None:
        alive = watched()
        if alive is not None:
            alive.before_fork()
            held.append(alive)

    def after(*, in_child: bool) -> None:
        if held:
            held.pop().after_fork(in_child=in_child)

    os.register_at_fork(
        before=before,
        after_in_parent=lambda: after(in_child=False),
        after_in_child=lambda: after(in_child=True),
    )


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
