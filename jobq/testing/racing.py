"""The contract, part ten: many at once, and a hint that something changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import count
from threading import Barrier, Event, Lock
from typing import TypeVar

import pytest

from jobq.drivers.protocol import Driver
from jobq.errors import Conflict
from jobq.jobs import Command, Completed, Inserted, JobFilter, NewJob, Released, Settled, Settlement, State
from jobq.testing.stage import FAR, WORK, Contract, Stage, Worker, eventually, ids

THREADS = 4
WAITING = JobFilter(states=(State.PENDING,))
T = TypeVar("T")
R = TypeVar("R")


class RacingContract(Contract):
    """The same laws, with everybody at it at the same time."""

    @pytest.fixture
    def others(self, another: Callable[[], Driver]) -> list[Driver]:
        """One opening of the store for each thread; the same one where a store has only one."""
        return [another() for _ in range(THREADS)]

    def test_no_job_is_handed_out_twice_to_workers_that_claim_at_once(self, stage: Stage, others: list[Driver]) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK, partition_key=f"key-{n % 5}") for n in range(500)])
        workers = [stage.worker(driver=driver) for driver in others]
        handed_out = _Tally()

        _together(workers, lambda worker: _drain(worker, handed_out, total=500))

        assert (len(handed_out.seen), set(handed_out.seen.values())) == (500, {1})
        assert stage.inspector.counts()[0].state is State.COMPLETED

    def test_no_job_is_handed_out_twice_by_one_driver_used_from_many_threads(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(200)])
        workers = [stage.worker() for _ in range(THREADS)]
        handed_out = _Tally()

        _together(workers, lambda worker: _drain(worker, handed_out, total=200))

        assert (len(handed_out.seen), set(handed_out.seen.values())) == (200, {1})

    def test_of_many_who_insert_one_unique_key_at_once_one_makes_the_job(
        self, stage: Stage, others: list[Driver]
    ) -> None:
        for round_ in range(5):
            jobs = [NewJob(id=f"{round_}-{n}", name=WORK, unique_key=f"k-{round_}") for n in range(THREADS)]

            inserted = _together(list(zip(others, jobs, strict=True)), lambda pair: pair[0].insert([pair[1]])[0])

            assert Counter(answer.deduplicated for answer in inserted) == {True: THREADS - 1, False: 1}
            assert len({answer.id for answer in inserted}) == 1

    def test_of_many_who_insist_on_one_unique_key_all_but_one_are_refused(
        self, stage: Stage, others: list[Driver]
    ) -> None:
        def insist(pair: tuple[Driver, int]) -> list[Inserted] | None:
            job = NewJob(id=f"job-{pair[1]}", name=WORK, unique_key="k", on_conflict="raise")
            try:
                return pair[0].insert([job])
            except Conflict:
                return None

        answers = _together([(driver, n) for n, driver in enumerate(others)], insist)

        assert [answer is None for answer in answers].count(False) == 1
        assert len(stage.find()) == 1

    def test_batches_with_the_same_keys_in_different_orders_do_not_get_stuck(
        self, stage: Stage, others: list[Driver]
    ) -> None:
        def insert(pair: tuple[Driver, int]) -> list[str]:
            keys = range(20) if pair[1] % 2 else range(19, -1, -1)
            jobs = [NewJob(id=f"{pair[1]}-{key}", name=WORK, unique_key=f"k-{key}") for key in keys]
            return [inserted.id for inserted in pair[0].insert(jobs)]

        answers = _together([(driver, n) for n, driver in enumerate(others)], insert)

        assert {frozenset(answer) for answer in answers} == {frozenset(stage.find())}
        assert len(stage.find()) == 20

    def test_batches_settled_in_different_orders_do_not_get_stuck(self, stage: Stage, others: list[Driver]) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(40)])
        claims = stage.worker().claim(40)
        workers = [stage.worker(driver=driver) for driver in others]

        def settle(pair: tuple[Worker, int]) -> list[Settled]:
            order = claims if pair[1] % 2 else claims[::-1]
            return pair[0].settle_all([Settlement(id=c.id, token=c.token, outcome=Completed()) for c in order])

        answers = _together([(worker, n) for n, worker in enumerate(workers)], settle)

        assert {settled for answer in answers for settled in answer} == {Settled.APPLIED}
        assert {job.state for job in stage.inspector.find(JobFilter(), limit=100).items} == {State.COMPLETED}

    def test_a_rescue_by_several_at_once_counts_each_loss_once(self, stage: Stage, others: list[Driver]) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(20)])
        worker = stage.worker()
        worker.claim(20)
        worker.leave()

        moved = _together(others, lambda driver: driver.maintainer.rescue() if driver.maintainer else 0)

        assert sum(moved) == 20
        assert {(stage.job(id).losses, len(stage.job(id).errors)) for id in stage.find()} == {(1, 1)}

    def test_a_settlement_and_a_rescue_at_once_agree_on_what_became_of_each_job(
        self, stage: Stage, others: list[Driver]
    ) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(40)])
        late = stage.worker(driver=others[0])
        claims = late.claim(40)
        late.leave()
        rescuer = others[1].maintainer
        assert rescuer is not None

        def rescue() -> list[Settled]:
            rescuer.rescue()
            return []

        (answers, _) = _together([lambda: [late.settle(c, Completed()) for c in claims], rescue], lambda act: act())

        became = {Settled.APPLIED: (State.COMPLETED, 1, 0), Settled.LOST: (State.PENDING, 0, 1)}
        jobs = [stage.job(claim.id) for claim in claims]
        assert [(job.state, job.attempt, job.losses) for job in jobs] == [became[answer] for answer in answers]

    def test_a_job_that_is_cancelled_while_it_is_claimed_is_either_cancelled_or_asked_to_be(
        self, stage: Stage, others: list[Driver]
    ) -> None:
        names = [f"job-{n}" for n in range(60)]
        stage.put(*[NewJob(id=id, name=WORK) for id in names])
        worker, operator = stage.worker(driver=others[0]), others[1].operator
        assert operator is not None

        def claim() -> list[str]:
            return [id for _ in range(60) for id in ids(worker.claim())]

        def cancel() -> list[str]:
            return [changed for id in reversed(names) for changed in operator.cancel([id])]

        (claimed, cancelled) = _together([claim, cancel], lambda act: act())

        states = {id: (stage.state(id), stage.job(id).cancel_requested) for id in names}
        assert sorted(cancelled) == sorted(names)
        assert {id for id in names if states[id] == (State.RUNNING, True)} == set(claimed)
        assert {id for id in names if states[id][0] is State.CANCELLED} == set(names) - set(claimed)

    def test_a_job_that_is_replaced_while_it_is_claimed_is_neither_lost_nor_doubled(
        self, stage: Stage, others: list[Driver]
    ) -> None:
        worker = stage.worker(driver=others[0])

        def debounce() -> list[str]:
            jobs = [NewJob(id=f"job-{n}", name=WORK, unique_key="k", on_conflict="replace") for n in range(80)]
            return [made.id for job in jobs for made in others[1].insert([job]) if not made.deduplicated]

        def work() -> list[str]:
            # A job that is being replaced at this moment may be passed over.
            claims = [claim for _ in range(60) for claim in worker.claim()]
            assert {worker.settle(claim, Completed()) for claim in claims} <= {Settled.APPLIED}
            return ids(claims)

        (made, done) = _together([debounce, work], lambda act: act())

        def is_drained() -> bool:
            done.extend(work())
            return len(done) >= len(made)

        eventually(is_drained)
        assert sorted(done) == sorted(made) == sorted(stage.find())


class HintContract(Contract):
    """`listen` wakes whoever waits; it may be late or spare, and a lost one is made up for by the next."""

    def test_an_insert_wakes_whoever_listens(self, stage: Stage, another: Callable[[], Driver]) -> None:
        elsewhere, numbers = another(), count()

        _assert_woken(stage, lambda: elsewhere.insert([NewJob(id=f"job-{next(numbers)}", name="test:other")]))

    def test_a_release_wakes_whoever_listens(self, stage: Stage, another: Callable[[], Driver]) -> None:
        stage.put(NewJob(id="a", name="test:other"))
        worker = stage.worker(names=["test:other"], driver=another())

        _assert_woken(stage, lambda: worker.run(Released()))

    def test_a_command_wakes_whoever_listens(self, stage: Stage, another: Callable[[], Driver]) -> None:
        operator = another().operator
        assert operator is not None

        _assert_woken(stage, lambda: operator.post(stage.inspector.sessions()[-1].id, Command(kind="dump")))

    def test_a_retry_by_hand_wakes_whoever_listens(self, stage: Stage, another: Callable[[], Driver]) -> None:
        operator = another().operator
        assert operator is not None
        numbers = count()

        def schedule_and_retry() -> None:
            stage.put(NewJob(id=(id := f"job-{next(numbers)}"), name="test:other", delay=FAR))
            assert operator.retry([id]) == [id]

        _assert_woken(stage, schedule_and_retry)

    def test_after_listening_nobody_is_called(self, stage: Stage) -> None:
        calls: list[int] = []
        with stage.driver.listen(lambda: calls.append(1)):
            pass
        calls.clear()

        stage.put(NewJob(id="a", name=WORK))

        assert calls == []


class RowLockContract(Contract):
    """For stores in which a foreign transaction can lock one job: nobody waits for it."""

    @pytest.fixture
    def lock_job(self) -> Callable[[str], AbstractContextManager[None]]:
        """Something to call with an id, that holds a lock on that job in a transaction of somebody else's."""
        raise NotImplementedError("give a `lock_job` fixture that says how a job is locked in this store")

    def test_a_locked_job_does_not_hold_up_a_claim(
        self, stage: Stage, lock_job: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        stage.put(NewJob(id="locked", name=WORK), NewJob(id="b", name=WORK), NewJob(id="c", name=WORK))
        worker = stage.worker()

        with ThreadPoolExecutor(1) as pool, lock_job("locked"):
            claims = pool.submit(worker.claim, 2)
            eventually(claims.done, within=5)
            assert ids(claims.result()) == ["b", "c"]

        eventually(lambda: ids(worker.claim()) == ["locked"])


class _Tally:
    """How often each job was handed out."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.settled: Counter[Settled] = Counter()
        self._lock = Lock()

    def add(self, claimed: list[str]) -> None:
        with self._lock:
            self.seen.update(claimed)

    @property
    def total(self) -> int:
        with self._lock:
            return self.seen.total()


def _drain(worker: Worker, tally: _Tally, *, total: int) -> None:
    """Claim and complete until everything has been handed out, by whomever."""

    def step() -> bool:
        claims = worker.claim(7)
        tally.add(ids(claims))
        settled = worker.settle_all([Settlement(id=c.id, token=c.token, outcome=Completed()) for c in claims])
        assert set(settled) <= {Settled.APPLIED}
        return tally.total >= total

    eventually(step, within=40)


def _together(things: Sequence[T], act: Callable[[T], R]) -> list[R]:
    """Let one thread per thing act at the same moment; their answers, in the order of the things."""
    start = Barrier(len(things))

    def run(thing: T) -> R:
        start.wait(timeout=30)
        return act(thing)

    with ThreadPoolExecutor(len(things)) as pool:
        return list(pool.map(run, things))


def _assert_woken(stage: Stage, act: Callable[[], object]) -> None:
    """Act until a worker that found nothing and listens is woken."""
    woken, worker = Event(), stage.worker()
    assert worker.claim() == []

    def wakes() -> bool:
        act()
        return woken.wait(0.5)

    with stage.driver.listen(woken.set):
        worker.claim()
        woken.clear()
        eventually(wakes)
