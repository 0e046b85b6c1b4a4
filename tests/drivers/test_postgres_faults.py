"""The Postgres store when answers get lost, servers go away, and others lie about who they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import count
from threading import Event

import psycopg
import pytest

from jobq.drivers.postgres import PostgresDriver, open_postgres
from jobq.drivers.postgres.session import PostgresSession
from jobq.drivers.protocol import Demand
from jobq.errors import Unreachable
from jobq.jobs import Claim, Completed, Inserted, JobFilter, NewJob, SessionInfo, Settled, Settlement, State
from jobq.testing.stage import WORK, eventually, ids
from tests.drivers.wire import Wire
from tests.postgres import Cluster, create_database, database, drop_database

_NUMBERS = count(1)
_RUNNING = JobFilter(states=(State.RUNNING,))


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
def wire(dsn: str) -> Iterator[Wire]:
    """A wire to an empty store."""
    with Wire(dsn) as wire:
        yield wire


def session_of(driver: PostgresDriver, lease: float = 60.0) -> PostgresSession:
    info = SessionInfo(id=f"session-{next(_NUMBERS)}", name="worker", host="here", pid=1, version="0")
    return driver.open_session(info, lease=lease)


def claims_of(driver: PostgresDriver, session: PostgresSession, limit: int = 10) -> list[Claim]:
    return list(driver.claim(session, Demand(limit=limit, names=frozenset([WORK]))).claims)


def done(claims: Sequence[Claim]) -> list[Settlement]:
    return [Settlement(id=claim.id, token=claim.token, outcome=Completed()) for claim in claims]


class TestLostAnswers:
    """The server has done it, and nobody was told."""

    def test_a_claim_whose_answer_was_lost_is_given_out_again(
        self, dsn: str, wire: Wire, opened: Callable[[str], PostgresDriver]
    ) -> None:
        driver = opened(wire.dsn)
        session = session_of(driver)
        driver.insert([NewJob(id=id, name=WORK) for id in "abcde"])
        # By the third time it is prepared, so that a claim is a single request.
        kept = [claim for _ in range(3) for claim in claims_of(driver, session, 1)]
        # Only the claim itself, not the look before it.
        session.looking.spent(0.0, 10.0**9)
        session.lanes.hear(driver._connections.run(driver._verbs.survey(None, 10)).news)
        wire.lose_answer()
        with pytest.raises(Unreachable):
            claims_of(driver, session, 2)
        stranded = opened(dsn).inspector.count(_RUNNING)

        again = claims_of(driver, session)

        assert (stranded, ids(again), [claim.attempt for claim in again]) == (5, ["d", "e"], [1, 1])
        assert driver.settle(session, done([*kept, *again])) == [Settled.APPLIED] * 5

    def test_a_settlement_whose_answer_was_lost_may_be_repeated(
        self, wire: Wire, opened: Callable[[str], PostgresDriver]
    ) -> None:
        driver = opened(wire.dsn)
        session = session_of(driver)
        driver.insert([NewJob(id="a", name=WORK)])
        batch = done(claims_of(driver, session))
        wire.lose_answer()
        with pytest.raises(Unreachable):
            driver.settle(session, batch)

        assert driver.settle(session, batch) == [Settled.APPLIED]

    def test_an_insert_whose_answer_was_lost_may_be_repeated(
        self, wire: Wire, opened: Callable[[str], PostgresDriver]
    ) -> None:
        driver = opened(wire.dsn)
        driver.inspector.now()
        jobs = [NewJob(id=id, name=WORK) for id in "ab"]
        wire.lose_answer()
        with pytest.raises(Unreachable):
            driver.insert(jobs)

        assert driver.insert(jobs) == [Inserted(id="a", deduplicated=True), Inserted(id="b", deduplicated=True)]
        assert driver.inspector.count(JobFilter()) == 2


class TestPoolers:
    """A pooler that was not announced is noticed by the process id that it makes up."""

    def test_a_pooler_is_noticed(self, dsn: str, opened: Callable[[str], PostgresDriver]) -> None:
        with Wire(dsn, hides_pid=True) as wire:
            driver = opened(wire.dsn)
            driver.insert([NewJob(id="a", name=WORK)])
            session = session_of(driver)

            with driver.listen(lambda: None):
                claims = claims_of(driver, session)

            (connection,) = driver._connections._idle
            assert (ids(claims), connection.prepare_threshold) == (["a"], None)
            assert _count(dsn, "SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN jobq'") == 0


class TestServerGone:
    """A server that stops comes back with everything, and nobody is taken for dead meanwhile."""

    @pytest.fixture
    def cluster(self) -> Iterator[Cluster]:
        """A server to stop."""
        with Cluster() as cluster, closing(open_postgres(cluster.dsn)) as driver:
            driver.migrator.migrate()
            yield cluster

    def test_after_an_outage_longer_than_the_lease_nobody_is_taken_for_dead(
        self, cluster: Cluster, opened: Callable[[str], PostgresDriver]
    ) -> None:
        lease = 2.0
        worker, rescuer = opened(cluster.dsn), opened(cluster.dsn)
        session, dead = session_of(worker, lease), session_of(worker, lease)
        worker.insert([NewJob(id=id, name=WORK) for id in "ab"])
        mine, others = claims_of(worker, session, 1), claims_of(worker, dead, 1)
        woken = Event()
        with rescuer.listen(woken.set):
            eventually(woken.is_set)
            woken.clear()
            cluster.stop("immediate")
            with pytest.raises(Unreachable):
                worker.extend(session)
            Event().wait(lease)

            cluster.start()

            assert rescuer.maintainer.rescue() == 0
            assert worker.extend(session)
            eventually(lambda: worker.extend(session) and rescuer.maintainer.rescue() == 1)
            assert worker.settle(session, done([*mine, *others])) == [Settled.APPLIED, Settled.LOST]
            eventually(woken.is_set)

    def test_a_connection_that_was_closed_while_idle_is_not_used(
        self, dsn: str, opened: Callable[[str], PostgresDriver]
    ) -> None:
        driver = opened(dsn)
        driver.insert([NewJob(id="a", name=WORK)])
        with psycopg.connect(dsn, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'jobq'")
        eventually(lambda: _count(dsn, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'jobq'") == 0)

        assert driver.insert([NewJob(id="b", name=WORK)]) == [Inserted(id="b")]

    def test_a_driver_never_has_more_than_two_connections(
        self, dsn: str, opened: Callable[[str], PostgresDriver]
    ) -> None:
        driver = opened(dsn)
        session = session_of(driver)
        with driver._connections.lend(), driver._connections.lend():
            assert _count(dsn, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'jobq'") == 2
            assert not driver._connections._free.acquire(blocking=False)

        assert driver.extend(session)


class TestHandsInTheTables:
    """Somebody has been there with psql."""

    def test_jobs_of_a_session_whose_row_is_gone_come_back(
        self, dsn: str, opened: Callable[[str], PostgresDriver]
    ) -> None:
        driver = opened(dsn)
        driver.insert([NewJob(id="a", name=WORK)])
        claims_of(driver, session_of(driver))
        with psycopg.connect(dsn, autocommit=True) as other:
            other.execute("DELETE FROM jobq.session")

        assert driver.maintainer.rescue() == 1
        assert ids(claims_of(driver, session_of(driver))) == ["a"]

    def test_a_job_that_was_put_back_by_hand_is_found(self, dsn: str, opened: Callable[[str], PostgresDriver]) -> None:
        driver = opened(dsn)
        session = session_of(driver)
        driver.insert([NewJob(id="a", name=WORK)])
        claims_of(driver, session)
        with psycopg.connect(dsn, autocommit=True) as other:
            other.execute("UPDATE jobq.job SET state = 'pending', session = NULL, token = NULL")

        eventually(lambda: ids(claims_of(driver, session)) == ["a"])


def _count(dsn: str, sql: str) -> int:
    with psycopg.connect(dsn, autocommit=True, application_name="looking") as connection:
        row = connection.execute(sql.encode()).fetchone()
        assert row is not None
        return int(row[0])
