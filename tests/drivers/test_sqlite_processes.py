"""Several processes on one file: they wait for each other, wake each other, and may be killed at any time."""

from __future__ import annotations

import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from textwrap import dedent
from time import monotonic

import pytest

from jobq.drivers.protocol import Driver
from jobq.drivers.sqlite import SqliteDriver, open_sqlite
from jobq.errors import (
    TryAgain,
)
from jobq.jobs import (
    Claim,
    JobFilter,
    NewJob,
    State,
)
from jobq.testing.stage import eventually
from tests.drivers.sqlite_words import DEMAND, WORK, begin, jobs, lines, output, session

WORKER = """
    import os
    from threading import Event
    from jobq.drivers.protocol import Demand
    from jobq.jobs import Completed, SessionInfo, Settlement
    store = open_sqlite(Path(arg[0]))
    demand = Demand(limit=7, names=frozenset({"test:work"}))
    info = SessionInfo(id=f"{os.getpid()}", name="worker", host="here", pid=os.getpid(), version="0")
    session = store.open_session(info, lease=float(arg[1]))
    while True:
        store.maintainer.rescue()
        assert store.extend(session)
        claims = store.claim(session, demand).claims
        for claim in claims:
            print("claimed", claim.id, flush=True)
        Event().wait(float(arg[2]))
        settled = store.settle(session, [Settlement(id=c.id, token=c.token, outcome=Completed()) for c in claims])
        for claim, result in zip(claims, settled):
            print(result.value, claim.id, flush=True)
        if not claims and arg[1] != "1":
            break
"""

WRITER = """
    import os
    from itertools import count
    from jobq.jobs import NewJob
    store = open_sqlite(Path(arg[0]))
    for number in count():
        batch = [NewJob(id=f"{os.getpid()}-{number}-{n}", name="test:work") for n in range(3)]
        store.insert(batch)
        print(*(job.id for job in batch), flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobq.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteDriver]:
    with closing(open_sqlite(path)) as store:
        yield store


@contextmanager
def someone_writing(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


class TestOtherWriters:
    def test_a_writer_that_does_not_let_go_is_waited_for_only_so_long(self, path: Path, store: SqliteDriver) -> None:
        hasty = open_sqlite(path, patience=0.2)
        with closing(hasty), someone_writing(path), pytest.raises(TryAgain, match="busy") as refused:
            hasty.insert(jobs(3))

        assert refused.value.exit_code == 75
        assert store.inspector.count(JobFilter()) == 0

    def test_a_writer_that_lets_go_in_time_is_not_noticed(self, path: Path, store: SqliteDriver) -> None:
        with someone_writing(path) as other:
            waiting = threading.Thread(target=store.insert, args=(jobs(3),))
            waiting.start()
            waiting.join(0.1)
            was_waiting = waiting.is_alive()
            other.execute("COMMIT")
            waiting.join(20)

        assert was_waiting
        assert store.inspector.count(JobFilter()) == 3

    def test_looking_does_not_wait_for_a_writer(self, path: Path, store: SqliteDriver) -> None:
        store.insert(jobs(3))

        with someone_writing(path):
            seen = store.inspector.count(JobFilter())

        assert seen == 3

    def test_a_long_look_does_not_hold_up_a_writer(self, store: SqliteDriver) -> None:
        store.insert(jobs(2))

        with store._store.read() as books:
            before = books.all("SELECT id FROM jobq_job")
            store.insert(jobs(2, name="test:other"))
            after = books.all("SELECT id FROM jobq_job")

        assert (len(before), len(after)) == (2, 2)
        assert store.inspector.count(JobFilter()) == 4


FORK = """
    import os
    from jobq.errors import Unsupported
    from jobq.jobs import JobFilter, NewJob
    path = Path(arg[0])
    store = open_sqlite(path)
    store.insert([NewJob(id="before", name="test:work")])
    def in_child(act):
        child = os.fork()
        if child == 0:
            os._exit(act())
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


class TestForks:
    def test_a_child_and_its_parent_both_go_on_working(self, path: Path, store: SqliteDriver) -> None:
        forking = begin(
            dedent(FORK)
            + dedent("""
            in_child(lambda: len(store.insert([NewJob(id="child", name="test:work")])))
            store.insert([NewJob(id="parent", name="test:work")])
            """),
            path,
        )

        assert output(forking).split() == ["1"]
        assert store.inspector.count(JobFilter()) == 3

    def test_a_child_inherits_no_descriptor_of_the_file(self, path: Path) -> None:
        forking = begin(
            dedent(FORK)
            + dedent("""
            opened = lambda: [fd for fd in range(256) if os.path.realpath(f"/proc/self/fd/{fd}").startswith(str(path))]
            print(len(opened()) > 0)
            in_child(lambda: len(opened()))
            """),
            path,
        )

        assert output(forking).split() == ["True", "0"]

    def test_a_child_that_was_forked_in_the_middle_of_a_look_refuses_to_work(self, path: Path) -> None:
        forking = begin(
            dedent(FORK)
            + dedent("""
            def refuses():
                try:
                    store.inspector.counts()
                except Unsupported:
                    return 42
            with store._store.read():
                in_child(refuses)
            print(len(store.inspector.counts()))
            """),
            path,
        )

        assert output(forking).split() == ["42", "1"]


class TestWakingOthers:
    def test_another_process_wakes_a_listener_long_before_it_would_look_again(
        self, path: Path, store: SqliteDriver
    ) -> None:
        woken = threading.Event()

        with store.listen(woken.set):
            inserting = begin(
                """
                from jobq.jobs import NewJob
                open_sqlite(Path(arg[0])).insert([NewJob(id="a", name="test:work")])
                """,
                path,
            )
            came = woken.wait(20)

        output(inserting)
        assert came

    def test_a_listener_is_woken_sooner_than_polling_would_find_out(self, path: Path, store: SqliteDriver) -> None:
        woken = threading.Event()
        took = []

        with store.listen(woken.set), closing(open_sqlite(path)) as other:
            for number in range(20):
                woken.clear()
                other.insert([NewJob(id=f"job-{number}", name=WORK)])
                committed = monotonic()
                assert woken.wait(20)
                took.append(monotonic() - committed)

        assert sorted(took)[10] < 0.25

    def test_listeners_leave_nothing_behind(self, tmp_path: Path, store: SqliteDriver) -> None:
        with store.listen(lambda: None):
            during = {file.name for file in tmp_path.iterdir()}

        after = {file.name for file in tmp_path.iterdir()}
        assert during - after == {"jobq.db-wake"}
        with store._store.read() as books:
            assert books.all(books.sql.listeners) == []

    def test_what_a_killed_listener_left_behind_is_cleared_away(self, path: Path, store: SqliteDriver) -> None:
        listening = begin(
            """
            import signal
            with open_sqlite(Path(arg[0])).listen(lambda: None):
                print("listening", flush=True)
                signal.pause()
            """,
            path,
        )
        assert next(lines(listening.stdout)) == "listening"
        listening.kill()
        listening.communicate(timeout=20)

        store.insert(jobs(1))

        with store._store.read() as books:
            assert books.all(books.sql.listeners) == []
        assert list(Path(f"{path}-wake").iterdir()) == []

    def test_a_path_too_long_for_a_socket_is_no_obstacle(self, tmp_path: Path) -> None:
        store = open_sqlite(tmp_path / ("long-" * 20) / "jobq.db")
        woken = threading.Event()

        with closing(store), store.listen(woken.set):
            store.insert(jobs(1))
            came = woken.wait(20)

        assert came

    def test_a_listener_whose_socket_was_taken_away_still_ends(self, path: Path, store: SqliteDriver) -> None:
        began = monotonic()

        with store.listen(lambda: None):
            for file in Path(f"{path}-wake").iterdir():
                file.unlink()

        assert monotonic() - began < 10


class TestSeveralProcesses:
    def test_each_job_is_settled_exactly_once(self, path: Path, store: SqliteDriver) -> None:
        store.insert(jobs(600))

        workers = [begin(WORKER, path, 30, 0) for _ in range(3)]
        said = [line for worker in workers for line in output(worker).splitlines()]

        applied = sorted(line.split()[1] for line in said if line.startswith("applied"))
        assert applied == sorted(job.id for job in jobs(600))
        assert store.inspector.count(JobFilter(states=(State.COMPLETED,))) == 600

    def test_what_a_killed_writer_was_told_is_there_and_whole(self, path: Path, store: SqliteDriver) -> None:
        told: list[str] = []
        for heard in (5, 20, 40, 60):
            writers = [begin(WRITER, path) for _ in range(2)]
            told += [next(lines(writers[0].stdout)) for _ in range(heard)]
            for writer in writers:
                writer.send_signal(signal.SIGKILL)
                told += writer.communicate(timeout=20)[0].splitlines()

        promised = {job_id for line in told if line.count("-") == 6 for job_id in line.split()}
        there = {claim.id for claim in drained(store)}
        batches = {job_id.rpartition("-")[0] for job_id in there}
        assert len(promised) > 300
        assert promised <= there
        assert len(there) == 3 * len(batches)
        with closing(sqlite3.connect(path)) as file:
            assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def test_killed_workers_lose_no_job_and_none_is_completed_twice(self, path: Path, store: SqliteDriver) -> None:
        store.insert(jobs(400))
        said: list[str] = []
        for heard in (3, 11, 25, 40):
            workers = [begin(WORKER, path, 1, 0.01) for _ in range(2)]
            said += [next(lines(workers[0].stdout)) for _ in range(heard)]
            for worker in workers:
                worker.send_signal(signal.SIGKILL)
                said += worker.communicate(timeout=20)[0].splitlines()
        in_hands = JobFilter(states=(State.RUNNING,))
        eventually(lambda: store.maintainer.rescue() >= 0 and store.inspector.count(in_hands) == 0)

        output(begin(WORKER, path, 30, 0))

        assert store.inspector.count(JobFilter(states=(State.COMPLETED,))) == 400
        assert store.inspector.count(JobFilter(error="WorkerLost")) > 0, "no worker was killed with a job in its hands"
        applied = [line for line in said if line.startswith("applied ") and line.count("-") == 1]
        assert len(applied) == len(set(applied))


def drained(store: Driver) -> list[Claim]:
    """Claim everything."""
    worker = store.open_session(session(), lease=3600)
    claims: list[Claim] = []
    while found := store.claim(worker, DEMAND).claims:
        claims += found
    return claims
