"""Random verbs on a driver and on the reference model, and a look at both after each of them.

`replay` drives one store through many short lives and says what it was driven through, so that a green run shows
how much it is worth. Time does not pass between verbs: whatever is delayed stays so for an hour, and whatever
expires does so at once; what depends on time passing is left to the conformance suite.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import count
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec import structs

from jobq.drivers.protocol import Demand, Driver
from jobq.errors import Conflict
from jobq.jobs import (
    FINAL,
    Claim,
    Command,
    Inserted,
    JobFilter,
    NewJob,
    Note,
    Outcome,
    SessionState,
    Settlement,
    State,
)
from jobq.testing.chance import BATCHES, DELAYS, DEMANDS, KINDS, MAX_LOSSES, OUTCOMES, PICKS, REASONS
from jobq.testing.entry import Moment
from jobq.testing.model import Model
from jobq.testing.stage import Stage, Worker

Opening = Callable[[], AbstractContextManager[Sequence[Driver]]]

# Below so many jobs some verbs tell little: most lives would otherwise be spent on an empty store.
MANY = 5
MORE = 4

# What a replay of any length should have seen; `left_out` says what it has not.
NOTABLE = frozenset(
    [f"settle, {kind.__name__.lower()}" for kind in KINDS]
    + ["settle any token, applied", "settle any token, lost", "insert, conflict", "insert, deduplicated"]
    + ["claim, all queues", "claim, strict", "claim, weighted", "rescue, some", "expire, some", "prune, some"]
    + ["cancel, changed", "retry, changed", "delete, changed", "close_session", "annotate", "extend", "inbox, some"]
)


class DriverMachine(RuleBasedStateMachine):
    """One short life of a store: verbs in any order, by up to three workers."""

    def __init__(self, opening: Opening, driven: Counter[str]) -> None:
        super().__init__()
        self.driven = driven
        self._opened = ExitStack()
        self.drivers = self._opened.enter_context(opening())
        self.stage = Stage(self.drivers[0], moment=0.0, pass_time=lambda _: None)
        self.model = Model()
        self.numbers = count(1)
        self.workers: list[Worker] = []
        self.demands: dict[str, Demand] = {}
        self.claims: list[tuple[Worker, Claim]] = []

    def teardown(self) -> None:
        self._opened.close()

    @initialize(demands=st.lists(DEMANDS, min_size=2, max_size=3), jobs=BATCHES)
    def workers_register_and_find_something_to_do(self, demands: list[Demand], jobs: list[NewJob]) -> None:
        for demand in demands:
            self._register(demand)
        self.insert(jobs)

    @rule(jobs=BATCHES)
    def insert_more(self, jobs: list[NewJob]) -> None:
        self.insert(jobs)

    @rule(jobs=BATCHES)
    def insert(self, jobs: list[NewJob]) -> None:
        batch = [self._named(job) for job in jobs]
        driver = self._driver(len(batch))
        moment, answer = self._timed(lambda: _or_conflict(lambda: driver.insert(batch)))
        expected = _or_conflict(lambda: self.model.insert(batch, moment))

        assert answer == expected
        self._count("insert", "conflict" if answer is None else "a batch")
        for one in answer or []:
            self._count("insert", "deduplicated" if one.deduplicated else "new")

    @rule(which=st.integers(0, 9), limit=st.integers(1, 7))
    def claim(self, which: int, limit: int) -> None:
        worker = self.workers[which % len(self.workers)]
        self._claim(worker, structs.replace(self.demands[worker.id], limit=limit))

    @precondition(lambda self: len(self.model.entries) > MANY)
    @rule(which=st.integers(0, 9), limits=st.lists(st.integers(1, 2), min_size=2, max_size=5))
    def claim_in_small_steps(self, which: int, limits: list[int]) -> None:
        for limit in limits:
            self.claim(which, limit)

    @rule(which=st.integers(0, 9), limit=st.integers(1, 7), demand=DEMANDS)
    def claim_something_else(self, which: int, limit: int, demand: Demand) -> None:
        worker = self.workers[which % len(self.workers)]
        self.demands[worker.id] = demand
        self._claim(worker, structs.replace(demand, limit=limit))

    @precondition(lambda self: self.model.entries)
    @rule(which=st.integers(0, 9), limit=st.integers(1, 7), outcomes=OUTCOMES)
    def claim_and_settle(self, which: int, limit: int, outcomes: Sequence[Outcome]) -> None:
        self.claim(which, limit)
        if self._running():
            self.settle([-1 - place for place in range(limit)], outcomes)

    @precondition(lambda self: self.model.entries)
    @rule(which=st.integers(0, 9), limit=st.integers(1, 7), outcomes=OUTCOMES)
    def claim_and_settle_more(self, which: int, limit: int, outcomes: Sequence[Outcome]) -> None:
        self.claim_and_settle(which, limit, outcomes)

    @precondition(lambda self: self._running())
    @rule(picks=PICKS, outcomes=OUTCOMES)
    def settle(self, picks: list[int], outcomes: Sequence[Outcome]) -> None:
        some = self._running()
        worker = some[picks[0] % len(some)][0]
        mine = [claim for _, claim in self._running(worker)]
        chosen = {claim.token: claim for claim in (mine[pick % len(mine)] for pick in picks)}
        batch = []
        for claim, outcome in zip(chosen.values(), outcomes, strict=False):
            batch.append(Settlement(id=claim.id, token=claim.token, outcome=outcome, elapsed=0.5))
            self._count("settle", type(outcome).__name__.lower())
        self._settle(worker, batch)

    @precondition(lambda self: self.claims)
    @rule(pick=st.integers(0, 999), outcome=st.sampled_from(list(KINDS)).flatmap(KINDS.__getitem__))
    def settle_with_any_token_ever_given_out(self, pick: int, outcome: Outcome) -> None:
        worker, claim = self.claims[-1 - pick % len(self.claims)]
        answer = self._settle(worker, [Settlement(id=claim.id, token=claim.token, outcome=outcome)])
        self._count("settle any token", answer[0])

    @precondition(lambda self: self._running())
    @rule(pick=st.integers(0, 99), percent=st.sampled_from([None, 25.0]), checkpoint=st.sampled_from([None, "[1]"]))
    def annotate(self, pick: int, percent: float | None, checkpoint: str | None) -> None:
        worker, claim = self.claims[pick % len(self.claims)]
        note = Note(id=claim.id, token=claim.token, percent=percent, checkpoint=checkpoint)
        worker.annotate(note)
        self.model.annotate(note)
        self._count("annotate")

    @precondition(lambda self: self.model.entries)
    @rule(picks=PICKS, kill=st.booleans(), reason=REASONS)
    def cancel(self, picks: list[int], kill: bool, reason: str | None) -> None:  # noqa: FBT001
        ids = self._ids(picks)
        expected = self.model.cancel(ids, kill=kill, reason=reason)
        assert self.stage.operator.cancel(ids, kill=kill, reason=reason) == expected
        self._count("cancel", "changed" if expected else "nothing")

    @precondition(lambda self: self.model.entries)
    @rule(picks=PICKS, delay=DELAYS)
    def retry(self, picks: list[int], delay: float) -> None:
        # Whether a snooze that is over reads as scheduled or as pending here is left open.
        ids = [id for id in self._ids(picks) if not self._is_over_snooze(id)]
        moment, answer = self._timed(lambda: self.stage.operator.retry(ids, delay=delay))
        assert answer == self.model.retry(ids, delay, moment)
        self._count("retry", "changed" if answer else "nothing")

    @precondition(lambda self: len(self.model.entries) > MANY)
    @rule(picks=PICKS)
    def delete(self, picks: list[int]) -> None:
        ids = self._ids(picks)
        expected = self.model.delete(ids)
        assert self.stage.operator.delete(ids) == expected
        self._count("delete", "changed" if expected else "nothing")

    @precondition(lambda self: self._running())
    @rule(which=st.integers(0, 9), demand=DEMANDS)
    def a_worker_signs_off_and_another_comes(self, which: int, demand: Demand) -> None:
        gone = self.workers.pop(which % len(self.workers))
        gone.leave()
        self.model.close(gone.id)
        assert gone.extend() is False
        self._register(demand)
        self._count("close_session")

    @precondition(lambda self: self.model.entries)
    @rule(which=st.integers(0, 9), limit=st.integers(1, 7), demand=DEMANDS, max_losses=MAX_LOSSES)
    def a_worker_vanishes_with_its_jobs(self, which: int, limit: int, demand: Demand, max_losses: int) -> None:
        self.claim(which, limit)
        self.a_worker_signs_off_and_another_comes(which, demand)
        self.rescue(max_losses)

    @precondition(lambda self: any(entry.state is State.RUNNING for entry in self.model.entries))
    @rule(max_losses=MAX_LOSSES)
    def rescue(self, max_losses: int) -> None:
        expected = self.model.rescue(max_losses)
        assert self.stage.maintainer.rescue(max_losses=max_losses) == expected
        self._count("rescue", "some" if expected else "none")

    @precondition(lambda self: any(entry.expired for entry in self.model.entries))
    @rule()
    def expire(self) -> None:
        expected = self.model.expire()
        assert self.stage.maintainer.expire() == expected
        self._count("expire", "some" if expected else "none")

    @precondition(lambda self: any(entry.state in FINAL for entry in self.model.entries))
    @rule(states=st.sets(st.sampled_from(sorted(FINAL)), min_size=1), limit=st.integers(1, 4))
    def prune(self, states: set[State], limit: int) -> None:
        pruned = self.stage.maintainer.prune(ages={state.value: 0.0 for state in states}, limit=limit)
        assert pruned == self.model.prune(states, limit, kept=self.stage.find())
        self._count("prune", "some" if pruned else "none")

    @rule(which=st.integers(0, 9), kind=st.sampled_from(["quiet", "resume", "stop", "dump"]))
    def post(self, which: int, kind: Any) -> None:
        worker, command = self.workers[which % len(self.workers)], Command(kind=kind)
        self.model.inboxes[worker.id].append(command)
        assert self.stage.operator.post(worker.id, command)
        self._count("post")

    @precondition(lambda self: any(self.model.inboxes.values()))
    @rule(which=st.integers(0, 9))
    def inbox(self, which: int) -> None:
        worker = self.workers[which % len(self.workers)]
        assert worker.extend()
        self._count("extend")
        expected, self.model.inboxes[worker.id] = self.model.inboxes[worker.id], []
        assert Counter(map(repr, worker.inbox())) == Counter(map(repr, expected))
        self._count("inbox", "some" if expected else "empty")

    @rule(states=st.sets(st.sampled_from(sorted(State))), size=st.integers(1, 5))
    def look(self, states: set[State], size: int) -> None:
        now, where = self.stage.inspector.now(), JobFilter(states=tuple(states))
        expected = [e.new.id for e in self.model.entries[::-1] if not states or e.state_at(now) in states]
        first = self.stage.inspector.find(where, limit=size)
        found = [job.id for job in first.items]
        if first.next_cursor is not None:
            rest = self.stage.inspector.find(where, limit=1000, cursor=first.next_cursor)
            found += [job.id for job in rest.items]
        assert (found, self.stage.inspector.count(where)) == (expected, len(expected))
        self._count("find")

    @invariant()
    def driver_and_model_agree(self) -> None:
        now = self.stage.inspector.now()
        self.model.compare(self.stage.inspector.find(JobFilter(), limit=1000).items, now)
        counts = self.stage.inspector.counts()
        assert {(one.queue, one.state): one.jobs for one in counts} == self.model.counts(now)
        running = {view.id: view.running for view in self.stage.inspector.sessions()}
        assert running == {worker.id: len(self._running(worker)) for worker in self.workers}

    def _claim(self, worker: Worker, demand: Demand) -> None:
        claimed = worker.driver.claim(worker.session, demand)
        name = f"worker-{worker.id.split('-')[1]}"
        self.model.hand_out(worker.id, name, demand, claimed, self.stage.inspector.now())
        self.claims += [(worker, claim) for claim in claimed.claims]
        self._count("claim", ("weighted" if demand.weighted else "strict") if demand.queues else "all queues")
        self.driven["claim, jobs handed out"] += len(claimed.claims)

    def _settle(self, worker: Worker, batch: list[Settlement]) -> list[str]:
        moment, answers = self._timed(lambda: worker.settle_all(batch))
        for settlement, answer in zip(batch, answers, strict=True):
            assert answer in self.model.settle(settlement, moment)
        return [answer.value for answer in answers]

    def _running(self, worker: Worker | None = None) -> list[tuple[Worker, Claim]]:
        """The claims that are still good."""
        tokens = {entry.token for entry in self.model.entries if entry.state is State.RUNNING}
        return [one for one in self.claims if one[1].token in tokens and worker in {None, one[0]}]

    def _register(self, demand: Demand) -> None:
        worker = self.stage.worker(names=demand.names, driver=self._driver(next(self.numbers)))
        self.stage.driver.describe(worker.session, SessionState.RUNNING, 1)
        self.model.open(worker.id)
        self.workers.append(worker)
        self.demands[worker.id] = demand

    def _named(self, job: NewJob) -> NewJob:
        """The job with an id of its own, unless it came with one."""
        return job if job.given_id else structs.replace(job, id=f"job-{next(self.numbers)}")

    def _ids(self, picks: list[int]) -> list[str]:
        """Some jobs that are there, each once, and now and then one that is not."""
        known = [entry.new.id for entry in reversed(self.model.entries)] + ["nobody"]
        return list(dict.fromkeys(known[pick % len(known)] for pick in picks))

    def _is_over_snooze(self, job_id: str) -> bool:
        entry = self.model.entry(job_id)
        return entry is not None and entry.state is not entry.state_at(self.stage.inspector.now())

    def _driver(self, number: int) -> Driver:
        return self.drivers[number % len(self.drivers)]

    def _timed(self, act: Callable[[], Any]) -> tuple[Moment, Any]:
        before = self.stage.inspector.now()
        answer = act()
        return Moment(before, self.stage.inspector.now()), answer

    def _count(self, verb: str, what: str | None = None) -> None:
        self.driven[verb if what is None else f"{verb}, {what}"] += 1


def replay(opening: Opening, *, examples: int, steps: int) -> Counter[str]:
    """Drive the store through `examples` lives of at most `steps` verbs; how often each verb and outcome was driven.

    `opening` makes a context with an empty store, opened once or several times; a falsified law is an
    AssertionError with the shortest life that shows it. As lives are random, a few more follow when something
    notable has not happened in any of them.
    """
    driven: Counter[str] = Counter()
    for _ in range(MORE):
        run_state_machine_as_test(
            lambda: DriverMachine(opening, driven),  # type: ignore[arg-type]  # a factory will do, says its docstring
            settings=settings(
                max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
        if not left_out(driven):
            break
    return driven


def left_out(driven: Mapping[str, int]) -> list[str]:
    """What a replay should have driven and has not; such a replay proves little."""
    return sorted(NOTABLE - set(driven))


def _or_conflict(act: Callable[[], list[Inserted]]) -> list[Inserted] | None:
    try:
        return act()
    except Conflict:
        return None
