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

_FORBIDDEN = (
    errors.InsufficientPrivilege,
    errors.InvalidPassword,
    errors.InvalidAuthorizationSpecification,
)
_OTHER_SCHEMA = (
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.UndefinedFunction,
    errors.InvalidSchemaName,
)
_LATER = (*RETRIABLE, errors.LockNotAvailable, errors.QueryCanceled)
_FULL = (errors.DiskFull, errors.OutOfMemory, errors.TooManyConnections, errors.ConfigurationLimitExceeded)


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
    said = first_line(error)
    match error:
        case errors.ReadOnlySqlTransaction():
            return Unreachable(f"the server takes no writes: {said}", hint="it may be a standby: connect to the primary")
        case _ if isinstance(error, _FORBIDDEN) or _is_refused_at_the_door(error):
            return PermissionDenied(f"the server refuses this user: {said}", hint="check user, password and grants")
        case _ if isinstance(error, _OTHER_SCHEMA):
            return SchemaMismatch(f"this database has no jobq tables that fit: {said}", hint=MIGRATE)
        case errors.UndefinedObject() | errors.InvalidCatalogName():
            return Unreachable(f"there is no such database: {said}", hint="create it, or correct the dsn")
        case _ if isinstance(error, _LATER):
            return TryAgain(f"the server gave up waiting: {said}", hint="try again in a moment")
        case _ if isinstance(error, _FULL):
            return Unreachable(f"the server has no room: {said}", hint="see its log")
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return Unreachable(f"the server does not answer: {said}", hint="is it running, and is the dsn right?")
        case _:
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
