"""What the hot statements of the Postgres store read: by index, and never what is dead or cannot run.

Costs are counted in pages that a statement touches, which do not depend on how fast the machine is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import count
from typing import Any

import psycopg
import pytest

from jobq.drivers.postgres import PostgresDriver, open_postgres
from jobq.drivers.postgres.horizon import SLACK
from jobq.drivers.postgres.session import PostgresSession
from jobq.drivers.postgres.verbs import Done, Told, Verb
from jobq.drivers.protocol import Demand
from jobq.jobs import Claim, Completed, JobFilter, NewJob, SessionInfo, Settlement, State
from jobq.testing.stage import WORK, eventually
from tests.postgres import create_database, database, drop_database

_NUMBERS = count(1)
MANY = 50_000
# A claim of ten jobs touches this many pages on a table of a thousand, with room for chance.
FEW = 400


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
    """The DSN of an empty store, in which nothing is analysed or vacuumed by itself."""
    with database(postgres_server, template=migrated) as empty:
        run_sql(empty, "ALTER TABLE jobq.job SET (autovacuum_enabled = off)")
        yield empty


@pytest.fixture
def driver(dsn: str) -> Iterator[PostgresDriver]:
    """A driver on it."""
    with closing(open_postgres(dsn)) as driver:
        yield driver


def run_sql(dsn: str, sql: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.encode())


def session_of(driver: PostgresDriver) -> PostgresSession:
    info = SessionInfo(id=f"session-{next(_NUMBERS)}", name="worker", host="here", pid=1, version="0")
    return driver.open_session(info, lease=600.0)


def claims_of(driver: PostgresDriver, session: PostgresSession, limit: int, *names: str) -> list[Claim]:
    return list(driver.claim(session, Demand(limit=limit, names=frozenset(names or [WORK]))).claims)


def fill(driver: PostgresDriver, number: int, name: str = WORK, keys: int = 0) -> None:
    for _ in range(0, number, 1000):
        numbers = [next(_NUMBERS) for _ in range(min(1000, number))]
        driver.insert(
            [NewJob(id=f"{name}-{n}", name=name, partition_key=f"key-{n % keys}" if keys else None) for n in numbers]
        )


def work_off(driver: PostgresDriver, session: PostgresSession, number: int) -> None:
    for _ in range(0, number, 500):
        claims = claims_of(driver, session, 500)
        driver.settle(session, [Settlement(id=one.id, token=one.token, outcome=Completed()) for one in claims])


def plan_of(driver: PostgresDriver, verb: Verb[Any]) -> str:
    """How the driver's own connection carries it out, rolled back afterwards."""
    with driver._connections.lend() as connection, connection.transaction(force_rollback=True):
        rows = connection.execute("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) " + verb.sql, verb.values).fetchall()
        return "\n".join(row[0] for row in rows)


def pages_of(plan: str) -> int:
    """How many pages were touched in all: the first line with buffers counts everything below."""
    found = re.search(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?", plan)
    assert found is not None
    return sum(int(number) for number in found.groups() if number)


def next_claim(driver: PostgresDriver, session: PostgresSession, limit: int = 10) -> Verb[Any]:
    """The statement of the claim that would come next."""
    session.adopt(Demand(limit=limit, names=frozenset([WORK])))
    driver._claiming._look(session)
    course = session.lanes.course(limit)
    assert course is not None
    return driver._verbs.claim(session.number, course)


def hot_verbs(driver: PostgresDriver, session: PostgresSession) -> dict[str, Verb[Any]]:
    """The statements that run all the time, with parameters that find something."""
    (claim,) = claims_of(driver, session, 1)
    seq, token = (int(part) for part in claim.token.split("."))
    names = frozenset([WORK, "test:other"])
    other = session_of(driver)
    other.adopt(Demand(limit=10, names=names))
    fill(driver, 5, "test:other")
    driver._claiming._look(other)
    course = other.lanes.course(10)
    assert course is not None
    assert course.is_shared
    verbs = driver._verbs
    return {
        "claim": next_claim(driver, session),
        "claim, shared": verbs.claim(other.number, course),
        "look": verbs.look(session.horizon, session.wish, 5000),
        "survey": verbs.survey(None, 100),
        "complete": verbs.complete([Done(seq, claim.id, token, 0.1, None)], "worker"),
        "settle": verbs.settle([Told(seq, claim.id, token, 0.1, "pending", taken_back=1)], "worker"),
        "settled": verbs.settled({(seq, token): claim.id}),
        "insert": verbs.insert([NewJob(id=f"new-{next(_NUMBERS)}", name=WORK)]),
    }


BIG_TABLES = re.compile(r"Seq Scan on (job|spec|done|attempt|unique_key)\b")


@pytest.mark.parametrize("before", ["never analysed", "analysed when empty"])
def test_hot_statements_go_by_index_whatever_the_statistics_say(dsn: str, driver: PostgresDriver, before: str) -> None:
    if before == "analysed when empty":
        run_sql(dsn, "VACUUM ANALYZE")
    session = session_of(driver)
    fill(driver, MANY)

    plans = {name: plan_of(driver, verb) for name, verb in hot_verbs(driver, session).items()}

    assert {name: plan for name, plan in plans.items() if BIG_TABLES.search(plan)} == {}
    assert {name: pages_of(plan) for name, plan in plans.items() if pages_of(plan) > FEW} == {}


def test_plans_that_were_made_when_the_tables_were_empty_are_good_for_many_jobs(
    dsn: str, driver: PostgresDriver
) -> None:
    run_sql(dsn, "VACUUM ANALYZE")
    session = session_of(driver)
    for _ in range(20):
        fill(driver, 1)
        work_off(driver, session, 1)
        claims_of(driver, session, 10)
    fill(driver, MANY)

    with closing(psycopg.connect(dsn, autocommit=True)) as looking:
        touched = _touched(looking, lambda: work_off(driver, session, 1000))

    assert touched < 1000


def test_jobs_that_nobody_can_run_cost_nothing(driver: PostgresDriver) -> None:
    session = session_of(driver)
    fill(driver, 1000)
    before = pages_of(plan_of(driver, next_claim(driver, session)))
    fill(driver, 20_000, "test:unknown", keys=100)
    claims_of(driver, session, 1)
    # Clocks may be set, so a look goes back a little further than it must.
    then = driver.inspector.now()
    eventually(lambda: driver.inspector.now() > then + 2 * SLACK)
    claims_of(driver, session, 1)

    after = pages_of(plan_of(driver, next_claim(driver, session)))
    look = pages_of(plan_of(driver, driver._verbs.look(session.horizon, session.wish, 5000)))

    assert (after < before + 50, look < 50) == (True, True)


def test_a_snapshot_that_somebody_holds_costs_the_claim_nothing(dsn: str, driver: PostgresDriver) -> None:
    session = session_of(driver)
    fill(driver, 1000)
    work_off(driver, session, 500)
    before = pages_of(plan_of(driver, next_claim(driver, session)))
    with psycopg.connect(dsn) as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT pg_current_xact_id(), count(*) FROM jobq.job")
        for _ in range(10):
            fill(driver, 1000)
            work_off(driver, session, 1000)

        after = pages_of(plan_of(driver, next_claim(driver, session)))
        look = pages_of(plan_of(driver, driver._verbs.look(session.horizon, session.wish, 5000)))

    assert (after < before + 50, look < 50) == (True, True)


@pytest.mark.parametrize(
    "where", [JobFilter(), JobFilter(states=(State.PENDING,)), JobFilter(states=(State.FAILED,))], ids=str
)
def test_a_page_of_a_long_list_is_read_from_its_end(dsn: str, driver: PostgresDriver, where: JobFilter) -> None:
    session = session_of(driver)
    fill(driver, 20_000)
    work_off(driver, session, 5_000)
    run_sql(dsn, "ANALYZE")

    with closing(psycopg.connect(dsn, autocommit=True)) as looking:
        touched = _touched(looking, lambda: driver.inspector.find(where, limit=50))

    assert touched < 1000


def _touched(looking: psycopg.Connection[Any], act: Callable[[], object]) -> int:
    """How many rows of the big tables are read one after the other, instead of by index, while something is done."""

    def rows() -> Sequence[tuple[Any, ...]]:
        return looking.execute(
            "SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables"
            " WHERE schemaname = 'jobq' AND relname IN ('job', 'spec', 'done')"
        ).fetchall()

    before = rows()[0][0]
    act()
    return int(rows()[0][0]) - int(before)
