"""Jobs that stand or fall with the caller's own transaction in the same file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jobq.drivers.sqlite import SqliteDriver, open_sqlite
from jobq.drivers.sqlite.completion import settle_on
from jobq.errors import (
    Conflict,
    InvalidValue,
    TryAgain,
)
from jobq.jobs import (
    Claim,
    Completed,
    NewJob,
    Settled,
    Settlement,
    State,
)
from tests.drivers.sqlite_words import DEMAND, WORK, jobs, session


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobq.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteDriver]:
    with closing(open_sqlite(path)) as store:
        yield store


class TestJoiningATransaction:
    def test_a_connection_to_another_file_is_refused(self, tmp_path: Path, store: SqliteDriver) -> None:
        with closing(sqlite3.connect(tmp_path / "other.db")) as other, pytest.raises(InvalidValue, match="other"):
            store.insert(jobs(1), connection=other)

    def test_a_connection_to_memory_is_refused(self, store: SqliteDriver) -> None:
        with closing(sqlite3.connect(":memory:")) as other, pytest.raises(InvalidValue, match="in memory"):
            store.insert(jobs(1), connection=other)

    def test_something_that_is_no_connection_is_refused(self, store: SqliteDriver) -> None:
        with pytest.raises(InvalidValue, match="str"):
            store.insert(jobs(1), connection="postgresql://")

    def test_a_connection_without_a_transaction_is_refused(self, path: Path, store: SqliteDriver) -> None:
        caller = sqlite3.connect(path, isolation_level=None)
        with closing(caller), pytest.raises(InvalidValue, match="no open transaction"):
            store.insert(jobs(1), connection=caller)

    def test_the_caller_may_want_rows_and_text_in_another_form(self, path: Path, store: SqliteDriver) -> None:
        store.insert([NewJob(id="first", name=WORK, unique_key="k")])
        with closing(sqlite3.connect(path)) as caller:
            caller.row_factory = lambda _, row: {"row": row}
            caller.text_factory = bytes

            (inserted,) = store.insert([NewJob(id="second", name=WORK, unique_key="k")], connection=caller)

            assert inserted.id == "first"
            assert caller.execute("SELECT 'as wanted'").fetchone() == {"row": (b"as wanted",)}

    def test_an_old_snapshot_that_cannot_write_any_more_is_told_so(self, path: Path, store: SqliteDriver) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as caller:
            caller.execute("BEGIN")
            caller.execute("SELECT count(*) FROM jobq_job").fetchall()
            store.insert(jobs(1))

            with pytest.raises(TryAgain, match="busy"):
                store.insert([NewJob(id="late", name=WORK)], connection=caller)


class TestCompletingInATransaction:
    @pytest.fixture
    def claim(self, store: SqliteDriver) -> Claim:
        store.insert(jobs(1))
        (claim,) = store.claim(store.open_session(session(), lease=3600), DEMAND).claims
        return claim

    def test_happens_with_the_commit(self, path: Path, store: SqliteDriver, claim: Claim) -> None:
        settlement = Settlement(id=claim.id, token=claim.token, outcome=Completed(result='"done"'))

        with closing(sqlite3.connect(path)) as caller:
            settle_on(caller, settlement)
            before = store.inspector.get(claim.id)
            caller.commit()

        after = store.inspector.get(claim.id)
        assert before is not None
        assert after is not None
        assert (before.state, after.state, after.result) == (State.RUNNING, State.COMPLETED, "done")
        assert store.settle(store.open_session(session("again"), lease=9), [settlement]) == [Settled.APPLIED]

    def test_happens_not_with_a_rollback(self, path: Path, store: SqliteDriver, claim: Claim) -> None:
        with closing(sqlite3.connect(path)) as caller:
            settle_on(caller, Settlement(id=claim.id, token=claim.token, outcome=Completed()))
            caller.rollback()

        job = store.inspector.get(claim.id)
        assert job is not None
        assert job.state is State.RUNNING

    def test_is_refused_to_a_stale_claim(self, path: Path, claim: Claim) -> None:
        with closing(sqlite3.connect(path)) as caller, pytest.raises(Conflict, match="lost"):
            settle_on(caller, Settlement(id=claim.id, token="stale", outcome=Completed()))
