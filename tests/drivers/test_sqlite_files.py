"""What is special about jobs in a file: who may read it, what else may be in it, and what does not slow it down."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from jobq.drivers.protocol import Demand
from jobq.drivers.sqlite import SqliteDriver, open_sqlite
from jobq.drivers.statements import Statements
from jobq.errors import (
    ConfigError,
    SchemaMismatch,
    Unreachable,
)
from jobq.jobs import (
    Completed,
    Failed,
    JobFilter,
    NewJob,
    Retried,
    Settlement,
    State,
)
from jobq.testing.clock import TurnedClock
from tests.drivers.sqlite_words import BOOM, DEMAND, WORK, begin, jobs, lines, output, session


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobq.db"


@pytest.fixture
def opened() -> Iterator[Callable[..., SqliteDriver]]:
    """Opens stores, which are closed at the end."""
    with ExitStack() as stores:
        yield lambda *args, **options: stores.enter_context(closing(open_sqlite(*args, **options)))


@pytest.fixture
def store(path: Path, opened: Callable[..., SqliteDriver]) -> SqliteDriver:
    return opened(path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestTheFile:
    def test_only_its_owner_can_read_it(self, tmp_path: Path, opened: Callable[..., SqliteDriver]) -> None:
        before = os.umask(0)
        try:
            path = tmp_path / "new" / "deep" / "jobq.db"
            opened(path).insert(jobs(1))
        finally:
            os.umask(before)

        folders = [mode(path.parent), mode(path.parent.parent)]
        files = [mode(file) for file in path.parent.iterdir()]
        assert folders == [0o700, 0o700]
        assert set(files) == {0o600}
        assert len(files) == 3

    def test_what_was_there_keeps_its_mode(self, path: Path, opened: Callable[..., SqliteDriver]) -> None:
        path.touch(0o640)
        path.chmod(0o640)

        opened(path)

        assert mode(path) == 0o640

    def test_a_folder_that_may_not_be_written_is_a_question_of_permission(self, tmp_path: Path) -> None:
        folder = tmp_path / "closed"
        folder.mkdir(0o755)
        folder.chmod(0o555)
        tmp_path.chmod(0o755)

        denied = begin(
            """
            import os
            from jobq.errors import PermissionDenied
            if os.geteuid() == 0:
                os.setgroups([]), os.setgid(65534), os.setuid(65534)
            try:
                os.umask(0), open_sqlite(Path(arg[0]))
            except PermissionDenied as error:
                print(error.exit_code, error.hint is not None)
            """,
            folder / "jobq.db",
        )

        assert output(denied).split() == ["77", "True"]

    def test_a_file_that_is_no_database_is_refused_and_left_alone(self, path: Path) -> None:
        path.write_text("a shopping list, long enough to be taken for a header of a hundred bytes or so\n" * 20)
        before = path.read_bytes()

        with pytest.raises(ConfigError, match="not a SQLite database"):
            open_sqlite(path)

        assert path.read_bytes() == before

    def test_a_folder_is_no_database(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="cannot be a database"):
            open_sqlite(tmp_path)

    def test_a_file_in_place_of_a_folder_is_refused(self, path: Path) -> None:
        path.touch()

        with pytest.raises(ConfigError, match="cannot be a database"):
            open_sqlite(path / "jobq.db")

    def test_a_file_that_is_removed_while_in_use_is_missed(self, path: Path, store: SqliteDriver) -> None:
        path.unlink()

        with pytest.raises(Unreachable, match="gone"):
            store.insert(jobs(1))

    def test_a_file_that_is_replaced_while_in_use_is_followed(
        self, path: Path, store: SqliteDriver, tmp_path: Path, opened: Callable[..., SqliteDriver]
    ) -> None:
        opened(tmp_path / "other.db").insert([NewJob(id="from-the-other", name=WORK)])
        for file in tmp_path.glob("jobq.db*"):
            file.unlink()
        for file in tmp_path.glob("other.db*"):
            file.rename(tmp_path / file.name.replace("other", "jobq"))

        found = store.inspector.get("from-the-other")

        assert found is not None

    def test_a_closed_store_says_so(self, store: SqliteDriver) -> None:
        store.close()
        store.close()

        with pytest.raises(Unreachable, match="closed"):
            store.inspector.counts()


class TestTheSchema:
    def test_opening_brings_it_up_to_date(self, store: SqliteDriver) -> None:
        current = store.migrator.current()

        assert (current >= 1, store.migrator.pending(), store.migrator.migrate()) == (True, [], [])

    def test_a_newer_one_is_refused(self, path: Path) -> None:
        open_sqlite(path).close()
        with closing(sqlite3.connect(path)) as newer, newer:
            newer.execute("INSERT INTO jobq_migration VALUES (999, 'from the future', 0)")

        with pytest.raises(SchemaMismatch, match="newer jobq") as refused:
            open_sqlite(path)

        assert refused.value.hint is not None

    def test_the_application_may_keep_its_tables_in_the_same_file(
        self, path: Path, opened: Callable[..., SqliteDriver]
    ) -> None:
        with closing(sqlite3.connect(path)) as own, own:
            own.execute("CREATE TABLE job (title TEXT)")
            own.execute("CREATE TABLE session (cookie TEXT)")
            own.execute("PRAGMA user_version = 42")

        opened(path).insert(jobs(1))

        with closing(sqlite3.connect(path)) as own:
            assert own.execute("PRAGMA user_version").fetchone() == (42,)
            assert own.execute("SELECT count(*) FROM job").fetchone() == (0,)

    def test_tables_of_another_making_under_our_names_are_refused(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as foreign, foreign:
            foreign.execute("CREATE TABLE jobq_job (something TEXT)")

        with pytest.raises(SchemaMismatch, match="not as jobq made it"):
            open_sqlite(path)

        with closing(sqlite3.connect(path)) as foreign:
            tables = foreign.execute("SELECT name FROM sqlite_master").fetchall()
        assert tables == [("jobq_job",)]

    def test_many_processes_may_open_a_new_file_at_once(self, path: Path) -> None:
        script = """
        print("ready", flush=True)
        sys.stdin.readline()
        print(open_sqlite(Path(arg[0])).migrator.current())
        """
        processes = [begin(script, path, stdin=subprocess.PIPE) for _ in range(4)]
        for process in processes:
            assert next(lines(process.stdout)) == "ready"

        answers = [process.communicate("go\n", timeout=50)[0].strip() for process in processes]

        assert len(set(answers)) == 1
        assert int(answers[0]) >= 1


class TestAFullDisk:
    def test_is_told_in_words_and_leaves_nothing_half_written(self, path: Path, store: SqliteDriver) -> None:
        store.insert(jobs(10))

        filled = begin(
            """
            import resource
            from jobq.errors import Unreachable
            from jobq.jobs import NewJob
            store = open_sqlite(Path(arg[0]))
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
            try:
                big = '"' + "x" * 10_000 + '"'
                store.insert([NewJob(id=f"big-{n}", name="test:big", payload=big) for n in range(99)])
            except Unreachable as error:
                print(error.exit_code, error.hint is not None)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            store.insert([NewJob(id="small", name="test:small")])
            print(store.inspector.get("small").state)
            """,
            path,
        )

        assert output(filled).split() == ["69", "True", "pending"]
        assert store.inspector.count(JobFilter(names=("test:big",))) == 0
        assert store.inspector.count(JobFilter()) == 11

    def test_undoes_what_was_to_join_a_transaction(self, path: Path, store: SqliteDriver) -> None:
        with closing(sqlite3.connect(path)) as caller:
            (pages,) = caller.execute("PRAGMA page_count").fetchone()
            caller.execute(f"PRAGMA max_page_count = {pages + 5}")
            payload = json.dumps("x" * 100_000)

            with pytest.raises(Unreachable, match="no room left"):
                store.insert([NewJob(id="big", name=WORK, payload=payload)], connection=caller)

            caller.rollback()
        assert store.inspector.count(JobFilter()) == 0


class TestWhatDoesNotSlowAClaim:
    @pytest.fixture
    def steps(self) -> Callable[[SqliteDriver, Callable[[], object]], int]:
        """Counts the steps of SQLite's machine that something takes, in hundreds: exact, unlike time."""

        def count(store: SqliteDriver, act: Callable[[], object]) -> int:
            ticks = []
            for connection in store._connections._idle:
                connection.set_progress_handler(lambda: ticks.append(1), 100)
            act()
            for connection in store._connections._idle:
                connection.set_progress_handler(None, 0)
            return len(ticks)

        return count

    @pytest.mark.parametrize(
        "crowd",
        [
            pytest.param([NewJob(id=f"x{n}", name="test:unloaded") for n in range(20_000)], id="no-handler"),
            pytest.param([NewJob(id=f"x{n}", name=WORK, queue="paused") for n in range(20_000)], id="excluded-queue"),
            pytest.param([NewJob(id=f"x{n}", name=WORK, delay=3600) for n in range(20_000)], id="not-due"),
            pytest.param(
                [NewJob(id=f"x{n}", name="test:unloaded", partition_key=f"k{n}") for n in range(5_000)], id="keys"
            ),
        ],
    )
    def test_jobs_that_nobody_can_run(
        self, store: SqliteDriver, crowd: Sequence[NewJob], steps: Callable[[SqliteDriver, Callable[[], object]], int]
    ) -> None:
        demand = Demand(limit=10, names=frozenset({WORK}), exclude=frozenset({"paused"}))
        worker = store.open_session(session(), lease=3600)
        store.insert(jobs(30))
        store.claim(worker, demand)
        alone = steps(store, lambda: store.claim(worker, demand))
        store.insert(crowd)
        store.claim(worker, Demand(limit=0, names=frozenset({WORK}), exclude=frozenset({"paused"})))

        crowded = steps(store, lambda: store.claim(worker, demand))

        assert crowded <= alone + 2

    def test_jobs_that_have_ended(
        self, store: SqliteDriver, steps: Callable[[SqliteDriver, Callable[[], object]], int]
    ) -> None:
        worker = store.open_session(session(), lease=3600)
        store.insert(jobs(30))
        store.claim(worker, Demand(limit=10, names=frozenset({WORK})))
        alone = steps(store, lambda: store.claim(worker, Demand(limit=10, names=frozenset({WORK}))))
        store.insert(jobs(5000, name="test:ended"))
        store.operator.cancel([job.id for job in jobs(5000, name="test:ended")])

        crowded = steps(store, lambda: store.claim(worker, Demand(limit=10, names=frozenset({WORK}))))

        assert crowded <= alone + 2

    def test_the_failed_among_many_completed_are_found_at_once(
        self, store: SqliteDriver, steps: Callable[[SqliteDriver, Callable[[], object]], int]
    ) -> None:
        worker = store.open_session(session(), lease=3600)
        store.insert(jobs(2000))
        failed = Failed(error=BOOM, reason="exhausted")
        for _ in range(20):
            claims = store.claim(worker, DEMAND).claims
            outcomes = [failed if claim.id == f"{WORK}-5" else Completed() for claim in claims]
            store.settle(
                worker,
                [Settlement(id=c.id, token=c.token, outcome=o) for c, o in zip(claims, outcomes, strict=True)],
            )

        found: list[str] = []
        where = JobFilter(states=(State.FAILED,))
        took = steps(store, lambda: found.extend(job.id for job in store.inspector.find(where, limit=50).items))

        assert found == [f"{WORK}-5"]
        assert took < 20


class TestLanes:
    def test_unused_ones_are_taken_away_when_there_are_many_and_nothing_is_missed(
        self, path: Path, opened: Callable[..., SqliteDriver]
    ) -> None:
        clock = TurnedClock()
        store = opened(path, clock=clock)
        worker = store.open_session(session(), lease=1e6)
        store.insert([NewJob(id=f"old-{n}", name=WORK, partition_key=f"k{n}") for n in range(1200)])
        everything = Demand(limit=2000, names=frozenset({WORK}))
        claims = store.claim(worker, everything).claims
        store.settle(worker, [Settlement(id=c.id, token=c.token, outcome=Completed()) for c in claims[1:]])

        clock.turn(100)
        store.maintainer.prune(ages={"completed": 50.0})

        with store._store.read() as books:
            assert len(books.all(books.sql.lanes, {"after": 0})) == 1
        retried = Retried(error=BOOM, delay=0)
        store.settle(worker, [Settlement(id=claims[0].id, token=claims[0].token, outcome=retried)])
        store.insert([NewJob(id="new", name=WORK, partition_key="k7")])
        assert {claim.id for claim in store.claim(worker, everything).claims} == {claims[0].id, "new"}


class TestStatements:
    def test_a_missing_one_is_named_and_so_are_the_others(self, tmp_path: Path) -> None:
        (tmp_path / "settle.sql").write_text("-- Why.\nSELECT 1\n")
        statements = Statements(tmp_path)

        assert (statements.settle, list(statements)) == ("-- Why.\nSELECT 1\n", ["settle"])
        with pytest.raises(KeyError, match=r"'setle'; there are: settle"):
            statements["setle"]
        with pytest.raises(AttributeError, match="'setle'"):
            statements.setle  # noqa: B018
