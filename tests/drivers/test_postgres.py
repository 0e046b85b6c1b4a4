"""The Postgres store keeps the contract, its transactions and row locks included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from typing import Any

import psycopg
import pytest

from jobq.drivers.postgres import open_postgres
from jobq.drivers.protocol import Driver
from jobq.testing.conformance import DriverContract, RowLockContract, TransactionContract
from jobq.testing.machine import left_out, replay
from tests.postgres import create_database, database, drop_database


@pytest.fixture(scope="module")
def migrated(postgres_server: str) -> Iterator[str]:
    """The DSN of a database with all tables in it, to copy from: quicker than migrating each anew."""
    dsn = create_database(postgres_server)
    with closing(open_postgres(dsn)) as driver:
        assert driver.migrator is not None
        driver.migrator.migrate()
    yield dsn
    drop_database(postgres_server, dsn)


@pytest.fixture
def dsn(postgres_server: str, migrated: str) -> Iterator[str]:
    """The DSN of an empty store."""
    with database(postgres_server, template=migrated) as empty:
        yield empty


class TestPostgres(DriverContract, TransactionContract, RowLockContract):
    """`postgresql://`."""

    @pytest.fixture
    def another(self, dsn: str) -> Iterator[Callable[[], Driver]]:
        """One more opening of the store, as another host would have it."""
        with ExitStack() as opened:
            yield lambda: opened.enter_context(closing(open_postgres(dsn)))

    @pytest.fixture
    def store(self, another: Callable[[], Driver]) -> Driver:
        """An empty store."""
        return another()

    @pytest.fixture
    def connect(self, dsn: str) -> Callable[[], psycopg.Connection[Any]]:
        """The caller's own connection to the database."""
        return lambda: psycopg.connect(dsn)

    @pytest.fixture
    def lock_job(self, dsn: str) -> Callable[[str], AbstractContextManager[None]]:
        """A transaction of somebody else's that has a job's row for update."""

        @contextmanager
        def lock(job_id: str) -> Iterator[None]:
            with psycopg.connect(dsn) as connection:
                row = connection.execute("SELECT 1 FROM jobq.job WHERE id = %s FOR UPDATE", [job_id]).fetchone()
                assert row is not None
                yield

        return lock

    def test_migrating_again_finds_nothing_to_do(self, store: Driver) -> None:
        assert store.migrator is not None
        before = store.migrator.current()

        assert (store.migrator.pending(), store.migrator.migrate()) == ([], [])

        assert store.migrator.current() == before > 0


def test_postgres_does_what_the_model_does(
    postgres_server: str, migrated: str, show_driven: Callable[[str, Mapping[str, int]], None]
) -> None:
    @contextmanager
    def life() -> Iterator[Sequence[Driver]]:
        with database(postgres_server, template=migrated) as dsn, ExitStack() as opened:
            yield [opened.enter_context(closing(open_postgres(dsn))) for _ in range(2)]

    driven = replay(life, examples=30, steps=40)

    show_driven("postgres", driven)
    assert left_out(driven) == []
