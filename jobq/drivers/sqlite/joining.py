"""Taking part in a transaction that belongs to somebody else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobq.drivers.sqlite.failure import told
from jobq.errors import InvalidValue


@contextmanager
def joined(connection: object, path: Path | None = None) -> Iterator[sqlite3.Connection]:
    """What is done here stands or falls with the caller's transaction, and by itself is done whole or not at all.

    Nothing is committed. A connection that opens its transactions by itself (the module's default) gets one, as if
    the caller had written something. Raises `InvalidValue` for a connection to something else than the database at
    `path` (None for any file), or without a transaction: there, jobs would be stored at once, whatever the caller
    decides afterwards.
    """
    caller = _checked(connection)
    with _plain_text(caller):
        file = _file_of(caller)
        if path is not None and not file.samefile(path):
            raise InvalidValue(
                f"connection= is open on {file}, but the jobs are in {path}",
                hint="connect to the same file, or leave connection= out",
            )
        with told(file):
            _begin(caller)
            yield from _savepoint(caller)


def _checked(connection: object) -> sqlite3.Connection:
    if isinstance(connection, sqlite3.Connection):
        return connection
    raise InvalidValue(
        f"connection= is a {type(connection).__name__}", hint="pass the sqlite3.Connection to take part in"
    )


def _file_of(connection: sqlite3.Connection) -> Path:
    cursor = connection.cursor()
    cursor.row_factory = None
    for _, schema, file in cursor.execute("PRAGMA database_list"):
        if schema == "main" and file:
            return Path(file)
    raise InvalidValue("connection= is open on a database in memory", hint="connect to the file of the jobs")


@contextmanager
def _plain_text(connection: sqlite3.Connection) -> Iterator[None]:
    """The caller may want text in another form; we read it as it is."""
    wanted, connection.text_factory = connection.text_factory, str
    try:
        yield
    finally:
        connection.text_factory = wanted


def _begin(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        return
    # Since Python 3.12 a connection says in `autocommit` whether it opens transactions; before, in the other one.
    if connection.isolation_level is None or getattr(connection, "autocommit", None) is True:
        raise InvalidValue("connection= has no open transaction to join", hint="BEGIN first, or leave connection= out")
    connection.execute("BEGIN IMMEDIATE")


def _savepoint(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("SAVEPOINT jobq_joined")
    try:
        yield connection
    except BaseException:
        # Some errors, a full disk among them, have undone the caller's whole transaction by now.
        if connection.in_transaction:
            connection.execute("ROLLBACK TO jobq_joined")
            connection.execute("RELEASE jobq_joined")
        raise
    else:
        connection.execute("RELEASE jobq_joined")
