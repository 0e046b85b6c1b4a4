"""What is special to the Postgres store: whatever the database is set to, whoever else uses it, whatever it costs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from jobq.drivers.postgres import PostgresDriver, open_postgres
from jobq.drivers.postgres.completion import settle_on
from jobq.drivers.postgres.session import PostgresSession
from jobq.drivers.protocol import Demand
from jobq.errors import ConfigError, Conflict, InvalidValue, PermissionDenied, SchemaMismatch, Unreachable
from jobq.jobs import (
    Claim,
    Completed,
    Failed,
    JobFilter,
    NewJob,
    Outcome,
    Released,
    SessionInfo,
    Settled,
    Settlement,
    State,
)
from jobq.testing.stage import BOOM, WORK, eventually, ids
from tests.postgres import create_database, database, drop_database

Rows = Sequence[tuple[Any, ...]]
_NUMBERS = count(1)


@pytest.fixture(scope="module")
def migrated(postgres_server: str) -> Iterator[str]:
    """The DSN of a database with all tables in it, to copy from."""
    dsn = create_database(postgres_server)
    with closing(open_postgres(dsn)) as driver:
        driver.migrator.migrate()
    yield dsn
    drop_database(postgres_server, dsn)


@pytest.fixture
def dsn(postgres_server: str, migrated: str) -> Iterator[str]:
    """The DSN of an empty store."""
    with database(postgres_server, template=migrated) as empty:
        yield empty


@pytest.fixture
def opened() -> Iterator[Callable[[str], PostgresDriver]]:
    """Something to call for a driver, closed afterwards."""
    with ExitStack() as stack:
        yield lambda dsn: stack.enter_context(closing(open_postgres(dsn)))


@pytest.fixture
def driver(dsn: str, opened: Callable[[str], PostgresDriver]) -> PostgresDriver:
    """A driver on an empty store."""
    return opened(dsn)


def session_of(driver: PostgresDriver, lease: float = 60.0) -> PostgresSession:
    info = SessionInfo(id=f"session-{next(_NUMBERS)}", name="worker", host="here", pid=1, version="0")
    return driver.open_session(info, lease=lease)


def claims_of(driver: PostgresDriver, session: PostgresSession, limit: int = 10, *names: str) -> list[Claim]:
    return list(driver.claim(session, Demand(limit=limit, names=frozenset(names or [WORK]))).claims)


def complete(driver: PostgresDriver, session: PostgresSession, claims: Sequence[Claim]) -> list[Settled]:
    return driver.settle(session, [Settlement(id=one.id, token=one.token, outcome=Completed()) for one in claims])


def put(driver: PostgresDriver, number: int, name: str = WORK) -> None:
    driver.insert([NewJob(id=f"{name}-{next(_NUMBERS)}", name=name) for _ in range(number)])


def ask(dsn: str, sql: str) -> Rows:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


def live_through_everything(driver: PostgresDriver) -> None:
    """Every verb of a worker's day, and what must be true afterwards."""
    driver.insert([NewJob(id=id, name=WORK, unique_key=id, tags=("t",), expires_in=60) for id in "abc"])
    driver.insert([NewJob(id="x", name=WORK, given_id=True, on_conflict="replace", delay=60.0)])
    session = session_of(driver)
    a, b, c = claims_of(driver, session)
    outcomes: tuple[Outcome, ...] = (Completed(result="1"), Failed(error=BOOM, reason="exhausted"), Released())
    batch = [Settlement(id=one.id, token=one.token, outcome=o) for one, o in zip((a, b, c), outcomes, strict=True)]
    assert driver.settle(session, batch) == driver.settle(session, batch) == [Settled.APPLIED] * 3
    assert driver.extend(session)
    assert driver.operator.retry(["b"]) == ["b"]
    assert driver.operator.cancel(["x"]) == ["x"]
    assert sorted(ids(claims_of(driver, session))) == ["b", "c"]
    driver.close_session(session)
    assert driver.maintainer.rescue() == 2
    assert driver.maintainer.prune(ages={"cancelled": 0.0}) == 1
    found = driver.inspector.find(JobFilter(tags=("t",)), limit=10).items
    assert [(job.id, job.state) for job in found] == [
        ("c", State.PENDING), ("b", State.PENDING), ("a", State.COMPLETED),
    ]  # fmt: skip
    assert all(job.created_at.tzname() == "UTC" for job in found)


class TestHostileSettings:
    """A DBA may set anything for a database."""

    @pytest.mark.parametrize(
        "settings",
        [
            {"default_transaction_isolation": "serializable"},
            {"default_transaction_isolation": "repeatable read"},
            {"DateStyle": "SQL, DMY", "TimeZone": "Asia/Kathmandu", "IntervalStyle": "sql_standard"},
            {"search_path": "evil, pg_catalog"},
            {"bytea_output": "escape", "standard_conforming_strings": "off", "array_nulls": "off"},
            {"plan_cache_mode": "force_generic_plan", "statement_timeout": "5s", "lock_timeout": "1s"},
        ],
        ids="-".join,
    )
    @pytest.mark.parametrize("pooler", ["", "?pooler=transaction"], ids=["direct", "pooled"])
    def test_a_day_goes_by_whatever_the_database_is_set_to(
        self, dsn: str, opened: Callable[[str], PostgresDriver], settings: dict[str, str], pooler: str
    ) -> None:
        name = dsn.rpartition("/")[2]
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA evil")
            connection.execute("CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz RETURN 'epoch'::timestamptz")
            connection.execute("CREATE TABLE evil.job (id text)")
            for key, value in settings.items():
                setting = SQL("ALTER DATABASE {} SET {} = ").format(Identifier(name), Identifier(key))
                # A list of schemas must not be quoted as one.
                connection.execute(setting + (SQL("evil, pg_catalog") if key == "search_path" else SQL(repr(value))))

        live_through_everything(opened(dsn + pooler))

    def test_behind_a_pooler_nothing_is_kept_in_the_session(
        self, dsn: str, opened: Callable[[str], PostgresDriver]
    ) -> None:
        driver = opened(f"{dsn}?pooler=transaction")
        for _ in range(8):
            put(driver, 1)

        (connection,) = driver._connections._idle
        prepared = connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
        settings = connection.execute("SHOW plan_cache_mode").fetchone()

        assert (prepared, settings) == ((0,), ("auto",))

    def test_an_unknown_kind_of_pooler_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="pooler=statement"):
            open_postgres("postgresql://localhost/x?pooler=statement")


class TestDoors:
    """What people are told when they cannot get in."""

    def test_a_server_that_is_not_there_is_told_in_one_line_without_the_password(self) -> None:
        driver = open_postgres("postgresql://me:topsecret@127.0.0.1:1/jobs")

        with closing(driver), pytest.raises(Unreachable) as caught:
            driver.insert([NewJob(id="a", name=WORK)])

        assert "topsecret" not in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_missing_database_is_named(self, postgres_server: str, opened: Callable[[str], PostgresDriver]) -> None:
        with pytest.raises(Unreachable, match="no-such-database"):
            opened(postgres_server.rpartition("/")[0] + "/no-such-database").inspector.counts()

    def test_an_empty_database_needs_a_migration(
        self, postgres_dsn: str, opened: Callable[[str], PostgresDriver]
    ) -> None:
        driver = opened(postgres_dsn)

        with pytest.raises(SchemaMismatch, match="jobq migrate"):
            driver.insert([NewJob(id="a", name=WORK)])

        assert (driver.migrator.current(), len(driver.migrator.pending())) == (0, 1)

    def test_a_newer_schema_is_used_only_if_it_says_that_this_program_may(
        self, dsn: str, opened: Callable[[str], PostgresDriver]
    ) -> None:
        ask(dsn, "INSERT INTO jobq.migration (number, title, works_with) VALUES (98, 'expand', 1)")
        put(opened(dsn), 1)

        ask(dsn, "INSERT INTO jobq.migration (number, title, works_with) VALUES (99, 'contract', 99)")

        with pytest.raises(SchemaMismatch, match="newer jobq"):
            put(opened(dsn), 1)

    def test_a_user_without_rights_is_told_so(self, dsn: str, opened: Callable[[str], PostgresDriver]) -> None:
        role = f"guest_{next(_NUMBERS)}_{dsn[-8:]}"
        ask(dsn, f'CREATE ROLE "{role}" LOGIN')
        try:
            with pytest.raises(PermissionDenied):
                put(opened(dsn.replace("://tester@", f"://{role}@")), 1)
        finally:
            ask(dsn, f'DROP ROLE "{role}"')

    def test_a_standby_is_no_place_for_jobs(self, dsn: str, opened: Callable[[str], PostgresDriver]) -> None:
        ask(dsn, f'ALTER DATABASE "{dsn.rpartition("/")[2]}" SET default_transaction_read_only = on')

        with pytest.raises(Unreachable, match="takes no writes"):
            put(opened(dsn), 1)

    def test_two_migrations_at_once_do_it_once(self, postgres_dsn: str) -> None:
        done: list[int] = []

        def migrate() -> None:
            with closing(open_postgres(postgres_dsn)) as driver:
                done.append(len(driver.migrator.migrate()))

        threads = [threading.Thread(target=migrate) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert sorted(done) == [0, 0, 0, 1]


class TestTransactions:
    """Jobs that become visible late, and completions inside somebody's transaction."""

    def test_a_late_commit_is_found_at_the_next_claim(self, dsn: str, driver: PostgresDriver) -> None:
        session = session_of(driver)
        with psycopg.connect(dsn) as late:
            driver.insert([NewJob(id="early-but-late", name=WORK)], connection=late)
            for _ in range(4):
                put(driver, 3)
                complete(driver, session, claims_of(driver, session))
            assert claims_of(driver, session) == []

        assert ids(claims_of(driver, session)) == ["early-but-late"]

    def test_a_late_commit_by_savepoints_is_found_too(self, dsn: str, driver: PostgresDriver) -> None:
        session = session_of(driver)
        with psycopg.connect(dsn) as late:
            late.execute("SELECT 1")
            with late.transaction(), late.transaction():
                driver.insert([NewJob(id="nested", name=WORK, unique_key="k")], connection=late)
            put(driver, 1)
            assert len(claims_of(driver, session)) == 1

        assert ids(claims_of(driver, session)) == ["nested"]

    def test_a_connection_without_a_transaction_is_refused(self, dsn: str, driver: PostgresDriver) -> None:
        with psycopg.connect(dsn, autocommit=True) as connection, pytest.raises(InvalidValue, match="no open trans"):
            driver.insert([NewJob(id="a", name=WORK)], connection=connection)

    def test_the_callers_rows_may_have_any_shape(self, dsn: str, driver: PostgresDriver) -> None:
        with psycopg.connect(dsn, row_factory=psycopg.rows.dict_row) as connection:
            first = driver.insert([NewJob(id="a", name=WORK, unique_key="k")], connection=connection)
            again = driver.insert([NewJob(id="b", name=WORK, unique_key="k")], connection=connection)

        assert [(answer.id, answer.deduplicated) for answer in (*first, *again)] == [("a", False), ("a", True)]

    def test_a_completion_lives_and_dies_with_the_handlers_transaction(self, dsn: str, driver: PostgresDriver) -> None:
        put(driver, 1)
        session = session_of(driver)
        (claim,) = claims_of(driver, session)
        done = Settlement(id=claim.id, token=claim.token, outcome=Completed(result="7"))
        with psycopg.connect(dsn) as connection:
            settle_on(connection, done)
            connection.rollback()
            assert driver.inspector.count(JobFilter(states=(State.RUNNING,))) == 1
            settle_on(connection, done)

        job = driver.inspector.get(claim.id)
        assert job is not None
        assert (job.state, job.result, job.worker) == (State.COMPLETED, 7, "worker")
        assert complete(driver, session, [claim]) == [Settled.APPLIED]

    def test_a_lost_claim_cannot_be_completed_inside_a_transaction(self, dsn: str, driver: PostgresDriver) -> None:
        put(driver, 1)
        session = session_of(driver)
        (claim,) = claims_of(driver, session)
        driver.close_session(session)
        driver.maintainer.rescue()

        with psycopg.connect(dsn) as connection, pytest.raises(Conflict, match="lost"):
            settle_on(connection, Settlement(id=claim.id, token=claim.token, outcome=Completed()))


class TestHints:
    """A hint costs those who enqueue, so it is sent only when somebody waits for one."""

    def test_without_a_waiting_worker_nothing_is_sent(self, dsn: str, driver: PostgresDriver) -> None:
        session = session_of(driver)
        claims_of(driver, session)

        assert _hints_of(dsn, lambda: put(driver, 1)) == 0

    def test_a_worker_that_listens_and_has_nothing_to_do_gets_hints(self, dsn: str, driver: PostgresDriver) -> None:
        session = session_of(driver)
        with driver.listen(lambda: None):
            claims_of(driver, session)

            assert _hints_of(dsn, lambda: put(driver, 1)) == 1

    def test_a_worker_with_plenty_to_do_asks_for_no_hints_and_looks_often(
        self, dsn: str, driver: PostgresDriver
    ) -> None:
        session = session_of(driver)
        with driver.listen(lambda: None):
            claims_of(driver, session)
            put(driver, 700)
            complete(driver, session, claims_of(driver, session, 700))

            assert _hints_of(dsn, lambda: put(driver, 1)) == 0
            claims_of(driver, session)
            wait = driver.claim(session, Demand(limit=1, names=frozenset([WORK]))).wait
            assert wait is not None
            assert wait < 0.1

    def test_a_connection_that_was_cut_listens_again(self, dsn: str, driver: PostgresDriver) -> None:
        woken = threading.Event()
        with driver.listen(woken.set):
            eventually(woken.is_set)
            woken.clear()

            ask(dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN jobq'")

            eventually(woken.is_set)


def _hints_of(dsn: str, act: Callable[[], object]) -> int:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("LISTEN jobq")
        act()
        return sum(1 for _ in connection.notifies(timeout=0.2))
