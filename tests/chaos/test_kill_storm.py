"""`kill -9` of children and supervisors while jobs run: every job ends, none is lost, each is settled once.

A storm proves nothing unless it hits running work, so each counts its hits and fails as vacuous below a bar; the
same storm with the killing switched off must come out vacuous.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jobq.jobs import State
from tests.worker.harness import Work, Worker, wait_for

EVERY = 0.3
SHORT, LONG = 20, 500


@dataclass(frozen=True)
class Storm:
    """How many jobs, how long, and what is killed: every `supervisor_every`-th victim is a supervisor."""

    jobs: int
    seconds: float
    least_hits: int
    seed: int
    supervisor_every: int = 12
    kills: bool = True


class Vacuous(AssertionError):
    """The storm did not hit enough running work to prove anything."""


class Storms:
    """The same weather for every store that survives it."""

    @pytest.mark.timeout(240)
    def test_nothing_is_lost_in_a_short_storm(self, world: Work) -> None:
        hit = weather(world, Storm(jobs=700, seconds=8, least_hits=20, seed=random.randrange(10**6)))

        assert hit >= 20

    @pytest.mark.chaos
    @pytest.mark.timeout(600)
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_nothing_is_lost_in_a_long_storm(self, world: Work, seed: int) -> None:
        hit = weather(world, Storm(jobs=2000, seconds=20, least_hits=60, seed=seed))

        print(f"seed {seed}: {hit} running jobs hit")

    @pytest.mark.timeout(240)
    def test_a_storm_that_kills_nothing_is_vacuous(self, world: Work) -> None:
        with pytest.raises(Vacuous):
            weather(world, Storm(jobs=60, seconds=1, least_hits=5, seed=0, kills=False))


class TestOnSqlite(Storms):
    """One file, two workers."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[Work]:
        """A store of its own for each storm."""
        yield from _world(f"sqlite://{tmp_path}/q.db", tmp_path)


class TestOnPostgres(Storms):
    """One database, two workers."""

    @pytest.fixture
    def world(self, postgres_dsn: str, tmp_path: Path) -> Iterator[Work]:
        """A database of its own for each storm."""
        yield from _world(postgres_dsn, tmp_path)


def _world(dsn: str, folder: Path) -> Iterator[Work]:
    work = Work(dsn, folder)
    work.migrate()
    yield work
    work.close()


def weather(work: Work, storm: Storm) -> int:
    """Run the jobs through the storm, check everything, and return how many running jobs it hit."""
    dice = random.Random(storm.seed)
    requests = [{"name": "work:nap", "payload": {"ms": _duration(dice)}} for _ in range(storm.jobs)]
    ids = {inserted.id for inserted in work.client.enqueue_many(requests)}
    workers = [_start(work), _start(work)]
    work.started(5)
    if storm.kills:
        _kill(work, workers, storm, dice)
    wait_for(lambda: not work.client.count(state=["pending", "running", "retrying", "scheduled"]), 150)
    return _judge(work, ids, storm)


def _kill(work: Work, workers: list[Worker], storm: Storm, dice: random.Random) -> None:
    end, count = time.monotonic() + storm.seconds, 0
    while time.monotonic() < end:
        beat = time.monotonic() + EVERY
        wait_for(lambda due=beat: time.monotonic() >= due)  # type: ignore[misc]
        count += 1
        which = dice.randrange(len(workers))
        if count % storm.supervisor_every == 0:
            workers[which].process.kill()
            workers[which].wait()
            workers[which] = _start(work)
        elif children := workers[which].children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(dice.choice(children), signal.SIGKILL)


def _judge(work: Work, ids: set[str], storm: Storm) -> int:
    starts = Counter(row["id"] for row in work.history("start"))
    ends = Counter(row["id"] for row in work.history("end"))
    hit = sum(starts[id] - ends[id] for id in starts)
    what = f"seed {storm.seed}: {hit} of {len(ids)} hit, {sum(n > 1 for n in ends.values())} ran to the end twice"
    completed = {job.id for job in _all(work, State.COMPLETED)}
    assert completed == ids, f"lost or failed: {len(ids - completed)}; {what}"
    assert set(starts) >= ids, what
    if hit < storm.least_hits:
        raise Vacuous(what)
    return hit


def _all(work: Work, state: State) -> Iterator:  # type: ignore[type-arg]
    cursor = None
    while True:
        page = work.client.list(state=state, limit=500, cursor=cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _start(work: Work) -> Worker:
    return work.worker("--processes", 3, "--concurrency", 4)


def _duration(dice: random.Random) -> int:
    """Log-uniform milliseconds: many short jobs, some long ones."""
    return int(SHORT * (LONG / SHORT) ** dice.random())
