"""The required verbs on Postgres."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jobq.drivers.postgres import producing, settling
from jobq.drivers.postgres.claiming import Claiming
from jobq.drivers.postgres.connections import Connections
from jobq.drivers.postgres.inspector import PostgresInspector
from jobq.drivers.postgres.listen import listening
from jobq.drivers.postgres.maintainer import PostgresMaintainer
from jobq.drivers.postgres.migrator import PostgresMigrator, newest_step
from jobq.drivers.postgres.operator import PostgresOperator
from jobq.drivers.postgres.session import PostgresSession
from jobq.drivers.postgres.target import Target
from jobq.drivers.postgres.verbs import Verbs
from jobq.drivers.protocol import Capabilities, Claimed, Demand
from jobq.drivers.statements import Statements, statements_of
from jobq.jobs import Command, Inserted, NewJob, Note, SessionInfo, SessionState, Settled, Settlement


def open_postgres(dsn: str, *, connect_timeout: float = 5.0, sql: Statements | None = None) -> PostgresDriver:
    """The store at a `postgresql://` DSN, which may say `?pooler=transaction`. Nothing is connected to yet.

    `connect_timeout` is in seconds, at least 2. `sql` is for tests: altered statements. Raises `ConfigError` for a
    DSN that says something unknown; the verbs raise `Unreachable`, `PermissionDenied`, and `SchemaMismatch` for a
    database that was not, or otherwise, migrated.
    """
    statements = sql or statements_of("jobq.drivers.postgres")
    target = Target(dsn, statements, schema=newest_step(), connect_timeout=connect_timeout)
    return PostgresDriver(target, statements)


class PostgresDriver:
    """A store in one database; `open_postgres` makes one."""

    capabilities = Capabilities(name="postgres", durable=True, shared=True, transactional=True)

    def __init__(self, target: Target, sql: Statements) -> None:
        self._target = target
        self._connections = Connections(target)
        self._verbs = Verbs(sql)
        self._claiming = Claiming(self._connections, self._verbs)
        self._listeners = 0
        self.inspector = PostgresInspector(self._connections, sql)
        self.operator = PostgresOperator(self._connections, sql)
        self.maintainer = PostgresMaintainer(self._connections, sql)
        self.migrator = PostgresMigrator(target, sql)

    def close(self) -> None:
        self._connections.close()

    def insert(self, jobs: Sequence[NewJob], *, connection: Any = None) -> list[Inserted]:
        if connection is not None:
            return producing.insert(lambda act: _within(connection, act), self._verbs, jobs)
        if producing.is_plain(jobs):
            return producing.insert_plain(self._connections.run, self._verbs, jobs) if jobs else []
        return producing.insert(self._connections.transact, self._verbs, jobs)

    def open_session(self, info: SessionInfo, *, lease: float) -> PostgresSession:
        number, written = self._connections.run(self._verbs.open_session(info, lease))
        return PostgresSession(info, number, written)

    def close_session(self, session: PostgresSession) -> None:
        self._connections.run(self._verbs.close_session(session.number))

    def extend(self, session: PostgresSession, claims: Collection[str] = ()) -> bool:
        written = self._connections.run(self._verbs.extend(session.number))
        if written is not None:
            session.wrote(written)
        return written is not None

    def describe(self, session: PostgresSession, state: SessionState, processes: int) -> None:
        self._connections.run(self._verbs.describe(session.number, state, processes))

    def claim(self, session: PostgresSession, demand: Demand) -> Claimed:
        return self._claiming.claim(session, demand, listening=self._listeners > 0)

    def settle(self, session: PostgresSession, settlements: Sequence[Settlement]) -> list[Settled]:
        settled = settling.settle(self._connections, self._verbs, session.info.name, settlements)
        session.let_go(settlement.token for settlement in settlements)
        return settled

    def inbox(self, session: PostgresSession) -> list[Command]:
        return self._connections.run(self._verbs.inbox(session.number))

    def annotate(self, session: PostgresSession, notes: Sequence[Note]) -> None:
        settling.annotate(self._connections, self._verbs, notes)

    @contextmanager
    def listen(self, wake: Callable[[], None]) -> Iterator[None]:
        if self._target.is_pooled:
            yield
            return
        with listening(self._target, wake):
            self._listeners += 1
            try:
                yield
            finally:
                self._listeners -= 1


def _within(connection: object, act: producing.Act) -> list[Inserted]:
    with producing.joined(connection) as run:
        return act(run)
