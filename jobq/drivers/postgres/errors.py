"""What the server's errors mean to people.

Only what an operator can act on gets a class of its own: out of reach, forbidden, another schema, try again. What
is left would be a mistake in this driver, and goes through as it is, to be reported. Messages of the server are cut
to their first line, and no password is in them: libpq never repeats one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from jobq.errors import JobqError, PermissionDenied, SchemaMismatch, TryAgain, Unreachable

MIGRATE = "run `jobq migrate`"

# Another transaction was in the way; the same again is right.
RETRIABLE = (errors.SerializationFailure, errors.DeadlockDetected)

_REFUSED = "the server refuses this user"
_CHECK_USER = "check user, password and grants"
_LATER = (*RETRIABLE, errors.LockNotAvailable, errors.QueryCanceled)

# The first that fits.
_MEANINGS: tuple[tuple[tuple[type[psycopg.Error], ...], type[JobqError], str, str], ...] = (
    (
        (errors.ReadOnlySqlTransaction,),
        Unreachable, "the server takes no writes", "it may be a standby: connect to the primary",
    ),
    (
        (errors.InsufficientPrivilege, errors.InvalidPassword, errors.InvalidAuthorizationSpecification),
        PermissionDenied, _REFUSED, _CHECK_USER,
    ),
    (
        (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction, errors.InvalidSchemaName),
        SchemaMismatch, "this database has no jobq tables that fit", MIGRATE,
    ),
    (
        (errors.InvalidCatalogName,),
        Unreachable, "there is no such database", "create it, or correct the dsn",
    ),
    (_LATER, TryAgain, "the server gave up waiting", "try again in a moment"),
    (
        (errors.DiskFull, errors.OutOfMemory, errors.TooManyConnections, errors.ConfigurationLimitExceeded),
        Unreachable, "the server has no room", "see its log",
    ),
    (
        (psycopg.OperationalError, psycopg.InterfaceError),
        Unreachable, "the server does not answer", "is it running, and is the dsn right?",
    ),
)  # fmt: skip


@contextmanager
def translated() -> Iterator[None]:
    """Raise the server's errors as jobq's."""
    try:
        yield
    except psycopg.Error as error:
        known = translate(error)
        if known is None:
            raise
        raise known from error


def translate(error: psycopg.Error) -> JobqError | None:
    """What an error means, or None for one that nobody but a programmer can do something about."""
    for kinds, meaning, said, hint in _MEANINGS:
        if isinstance(error, kinds):
            if _is_refused_at_the_door(error):
                return PermissionDenied(f"{_REFUSED}: {first_line(error)}", hint=_CHECK_USER)
            return meaning(f"{said}: {first_line(error)}", hint=hint)
    return None


def is_broken(error: psycopg.Error) -> bool:
    """Whether the connection that raised this should not be used again."""
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return True
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not isinstance(error, _LATER)


def first_line(error: BaseException) -> str:
    """The first line of what an error says."""
    said = str(error).strip() or type(error).__name__
    return said.splitlines()[0]


def _is_refused_at_the_door(error: psycopg.Error) -> bool:
    """While connecting there is no SQLSTATE, only what libpq says."""
    words = ("password authentication failed", "no pg_hba.conf entry", "no password supplied", "role ")
    return error.sqlstate is None and isinstance(error, psycopg.OperationalError) and _says(error, words)


def _says(error: psycopg.Error, words: tuple[str, ...]) -> bool:
    said = str(error)
    return any(word in said for word in words)
