"""What SQLite's errors mean to somebody who enqueues jobs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobq.errors import ConfigError, JobqError, PermissionDenied, SchemaMismatch, TryAgain, Unreachable

# An extended code keeps its family in the lowest byte.
_FAMILY = 0xFF
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_FORBIDDEN = (
    PermissionDenied,
    "cannot be opened for writing",
    "this user must be able to write the file and its folder",
)
_UNREADABLE = (Unreachable, "cannot be read or written", "is the disk full, or failing?")
_MEANINGS: dict[int, tuple[type[JobqError], str, str]] = {
    sqlite3.SQLITE_FULL: (Unreachable, "has no room left", "free some space; nothing was half-written"),
    sqlite3.SQLITE_IOERR: _UNREADABLE,
    sqlite3.SQLITE_NOMEM: _UNREADABLE,
    sqlite3.SQLITE_CORRUPT: (Unreachable, "is damaged", 'look with: sqlite3 FILE "PRAGMA integrity_check"'),
    sqlite3.SQLITE_READONLY: _FORBIDDEN,
    sqlite3.SQLITE_PERM: _FORBIDDEN,
    sqlite3.SQLITE_AUTH: _FORBIDDEN,
    sqlite3.SQLITE_CANTOPEN: _FORBIDDEN,
    sqlite3.SQLITE_NOTADB: (ConfigError, "is not a SQLite database", "name another file in the DSN"),
}
_BUG = (JobqError, "met something unexpected", "this is a bug in jobq; please report it")


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Tell SQLite's errors about the file at `path` in our own words."""
    try:
        yield
    except sqlite3.Error as error:
        raise translate(error, path) from error


def is_busy(error: sqlite3.Error) -> bool:
    """Whether others were in the way, so that the same may well succeed in a moment."""
    return _family_of(error) in _BUSY


def translate(error: sqlite3.Error, path: Path) -> JobqError:
    """The error of ours that says what happened to the database at `path` and what to do."""
    family = _family_of(error)
    if family in _BUSY:
        return TryAgain(f"{path} is busy: {error}", hint="another process writes to it; try again in a moment")
    if family == sqlite3.SQLITE_ERROR and _is_about_tables(error):
        return SchemaMismatch(f"{path} is not as jobq made it: {error}", hint="connect again to bring it up to date")
    kind, problem, hint = _MEANINGS.get(family, _BUG)
    return kind(f"{path} {problem}: {error}", hint=hint)


def _family_of(error: sqlite3.Error) -> int:
    # Misuse that Python itself notices carries no code.
    return getattr(error, "sqlite_errorcode", 0) & _FAMILY


def _is_about_tables(error: sqlite3.Error) -> bool:
    return str(error).startswith(("no such table", "no such column")) or str(error).endswith("already exists")
