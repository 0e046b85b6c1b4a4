"""Where the database is, and how a connection to it begins."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg.adapt import Buffer, Loader
from psycopg.pq import Format

from jobq.drivers.postgres.errors import MIGRATE, first_line, translated
from jobq.drivers.postgres.verbs import Verb
from jobq.drivers.statements import Statements
from jobq.errors import ConfigError, SchemaMismatch, Unsupported

Connection = psycopg.Connection[Any]

_OLDEST = 140000
# Half-open connections are noticed within half a minute, and data that nobody confirms within ten seconds.
_LIVELY: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10000,
    "client_encoding": "utf8",
}
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Target:
    """A DSN, and what is known of the server behind it.

    `is_pooled` is True when a pooler stands between, because the DSN says so (`?pooler=transaction`) or because the
    first connection has shown it; then nothing is prepared and nothing may be listened to.
    """

    def __init__(self, dsn: str, sql: Statements, *, schema: int, connect_timeout: float) -> None:
        self._conninfo, pooler = _without_pooler(dsn)
        self._sql = sql
        self._schema = schema
        # libpq counts in whole seconds, and takes 1 for 2.
        self._timeout = max(2, round(connect_timeout))
        self.is_pooled = pooler == "transaction"
        self.local = Verb(sql.local, {}, bool)
        self.study = Verb(sql.study, {}, bool)

    def connect(self, *, checked: bool = True) -> Connection:
        """Open a connection; with `checked`, only to a schema that this program can use."""
        try:
            connection = psycopg.connect(
                self._conninfo,
                autocommit=True,
                connect_timeout=self._timeout,
                prepare_threshold=None if self.is_pooled else 1,
                fallback_application_name="jobq",
                **_LIVELY,
            )
        except psycopg.ProgrammingError as error:
            raise ConfigError(f"dsn: {first_line(error)}", hint="write postgresql://user@host:5432/database") from error
        try:
            self._greet(connection)
            if checked:
                self._check_schema(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _greet(self, connection: Connection) -> None:
        # Behind a pooler, a transaction must say itself how it is isolated.
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        pid = -1 if self.is_pooled else connection.info.backend_pid
        row = connection.execute(self._sql.hello, {"pid": pid}, prepare=False).fetchone()
        is_direct, version, encoding, _ = row or (False, 0, "", None)
        if not is_direct:
            self.is_pooled, connection.prepare_threshold = True, None
            connection.adapters.register_loader("timestamptz", _UtcLoader)
        if version < _OLDEST:
            raise Unsupported(f"PostgreSQL {version // 10000} is too old for jobq", hint="use version 14 or newer")
        if encoding != "UTF8":
            raise Unsupported(f"the database is in {encoding}", hint="create one with ENCODING 'UTF8'")

    def _check_schema(self, connection: Connection) -> None:
        with translated():
            row = connection.execute(self._sql.schema, prepare=False).fetchone()
        newest, works_with = row or (0, 0)
        if newest < self._schema:
            raise SchemaMismatch(
                f"the database's schema is at step {newest}, this jobq needs step {self._schema}", hint=MIGRATE
            )
        if works_with > self._schema:
            raise SchemaMismatch(
                f"the database was migrated by a newer jobq (step {newest}, this one knows {self._schema})",
                hint="upgrade jobq; `jobq migrate` cannot go back",
            )


class _UtcLoader(Loader):
    """Instants as aware UTC datetimes, where the time zone of the session is not ours to set."""

    format = Format.BINARY

    def load(self, data: Buffer) -> datetime:
        (ticks,) = _TICKS.unpack(data)
        return _EPOCH + timedelta(microseconds=ticks)


_TICKS = struct.Struct("!q")


def _without_pooler(dsn: str) -> tuple[str, str | None]:
    """The DSN as libpq understands it, and what it says about a pooler."""
    parts = urlsplit(dsn)
    options = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(key, value) for key, value in options if key != "pooler"]
    pooler = dict(options).get("pooler")
    if pooler not in {None, "transaction", "session"}:
        raise ConfigError(f"dsn: pooler={pooler} is unknown", hint="use pooler=transaction, or leave it out")
    return urlunsplit(parts._replace(query=urlencode(kept))), pooler
