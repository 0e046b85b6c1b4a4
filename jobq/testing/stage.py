"""What a contract test stands on: a driver, workers that claim from it, and a way to let time pass.

Tests speak through a `Stage`, so that each reads as a sentence and none knows which store it runs on. Time passes
on the store's own clock: a store that takes its clock from this process is turned (the `pass_time` fixture), any
other is waited for by looking at its clock, so that no test guesses how fast the machine is. The cost: on a real
clock `moment` is real time, so tests let as little of it pass as they can, and never assert that something short
is *not yet* over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from itertools import count
from threading import Event
from time import monotonic
from typing import ClassVar

import pytest

from jobq.drivers.protocol import (
    Claimed,
    Demand,
    Driver,
    Inspector,
    Maintainer,
    Operator,
    Session,
    Share,
)
from jobq.jobs import (
    Claim,
    Command,
    ErrorInfo,
    HandlerInfo,
    Job,
    JobFilter,
    NewJob,
    Note,
    Outcome,
    SessionInfo,
    Settled,
    Settlement,
    State,
)

WORK = "test:work"
FAR = 3600.0
BOOM = ErrorInfo(type="ValueError", message="boom", traceback="Traceback (most recent call last): boom")


class Worker:
    """A session and what it can run, with the verbs a test needs in few words."""

    def __init__(self, driver: Driver, session: Session, names: frozenset[str], *, id: str) -> None:
        self.id = id
        self.driver = driver
        self.session = session
        self.names = names

    def ask(
        self,
        limit: int = 1,
        *,
        names: Collection[str] | None = None,
        queues: Sequence[str] = (),
        weights: Sequence[tuple[str, int]] = (),
        exclude: Collection[str] = (),
    ) -> Claimed:
        """Claim; `queues` are served strictly, `weights` share the turns."""
        shares = [Share(queue) for queue in queues] + [Share(queue, weight) for queue, weight in weights]
        demand = Demand(
            limit=limit,
            names=self.names if names is None else frozenset(names),
            queues=tuple(shares),
            exclude=frozenset(exclude),
            weighted=bool(weights),
        )
        return self.driver.claim(self.session, demand)

    def claim(
        self,
        limit: int = 1,
        *,
        names: Collection[str] | None = None,
        queues: Sequence[str] = (),
        weights: Sequence[tuple[str, int]] = (),
        exclude: Collection[str] = (),
    ) -> list[Claim]:
        """The claims that `ask` yields."""
        return list(self.ask(limit, names=names, queues=queues, weights=weights, exclude=exclude).claims)

    def take(self) -> Claim:
        """Claim one job that must be there."""
        claims = self.claim()
        assert len(claims) == 1, "a job that may run now was not handed out"
        return claims[0]

    def settle(self, claim: Claim, outcome: Outcome, *, elapsed: float = 0.0) -> Settled:
        """Settle one claim."""
        return self.settle_all([Settlement(id=claim.id, token=claim.token, outcome=outcome, elapsed=elapsed)])[0]

    def settle_all(self, settlements: Sequence[Settlement]) -> list[Settled]:
        """Settle a batch."""
        return self.driver.settle(self.session, settlements)

    def run(self, outcome: Outcome, *, elapsed: float = 0.0) -> Claim:
        """Claim one job that must be there and settle it."""
        claim = self.take()
        assert self.settle(claim, outcome, elapsed=elapsed) is Settled.APPLIED
        return claim

    def extend(self, *claims: Claim) -> bool:
        """Renew the lease, with these claims under way."""
        return self.driver.extend(self.session, [claim.token for claim in claims])

    def annotate(self, *notes: Note) -> None:
        """Leave notes on running jobs."""
        self.driver.annotate(self.session, notes)

    def inbox(self) -> list[Command]:
        """Take what was posted."""
        return self.driver.inbox(self.session)

    def leave(self) -> None:
        """Sign off; what is still claimed counts as lost."""
        self.driver.close_session(self.session)


class Stage:
    """A driver under test, and short words for what tests do to it."""

    def __init__(self, driver: Driver, *, moment: float, pass_time: Callable[[float], None]) -> None:
        self.driver = driver
        self.moment = moment
        self._pass_time = pass_time
        self._sessions = count(1)

    @property
    def inspector(self) -> Inspector:
        """The facet, which a driver under this test must have."""
        assert self.driver.inspector is not None, "this contract needs a driver with an inspector"
        return self.driver.inspector

    @property
    def operator(self) -> Operator:
        """The facet, which a driver under this test must have."""
        assert self.driver.operator is not None, "this contract needs a driver with an operator"
        return self.driver.operator

    @property
    def maintainer(self) -> Maintainer:
        """The facet, which a driver under this test must have."""
        assert self.driver.maintainer is not None, "this contract needs a driver with a maintainer"
        return self.driver.maintainer

    def put(self, *jobs: NewJob) -> list[str]:
        """Insert; the ids that now stand for the jobs."""
        return [inserted.id for inserted in self.driver.insert(jobs)]

    def worker(
        self,
        *,
        names: Collection[str] = (WORK,),
        lease: float = FAR,
        driver: Driver | None = None,
        handlers: Sequence[HandlerInfo] | None = None,
    ) -> Worker:
        """A new worker, on this driver unless another one is given; `lease` is seconds."""
        place, number = driver or self.driver, next(self._sessions)
        loaded = [HandlerInfo(name=name) for name in sorted(names)] if handlers is None else handlers
        info = SessionInfo(
            id=f"session-{number}-{id(self)}",
            name=f"worker-{number}",
            host="testhost",
            pid=1000 + number,
            version="0",
            queues=("default",),
            handlers=tuple(loaded),
            processes=2,
            concurrency=3,
        )
        return Worker(place, place.open_session(info, lease=lease), frozenset(names), id=info.id)

    def job(self, job_id: str) -> Job:
        """The job, which must be there."""
        job = self.inspector.get(job_id)
        assert job is not None, f"job {job_id} is gone"
        return job

    def state(self, job_id: str) -> State:
        """Where the job stands."""
        return self.job(job_id).state

    def find(self, where: JobFilter | None = None) -> list[str]:
        """The ids of all jobs that match, newest first."""
        return [job.id for job in self.inspector.find(where or JobFilter(), limit=1000).items]

    def pass_time(self, seconds: float) -> None:
        """Come back when the store's clock has moved on by more than `seconds`."""
        self._pass_time(seconds)

    def lose(self, worker: Worker) -> None:
        """Let a worker vanish, and have its jobs taken back."""
        worker.leave()
        self.maintainer.rescue()


class Contract:
    """The base of every part of the contract; a subclass per driver gives `store`.

    `moment` is a short while in seconds: long enough to be told from nothing, short enough to wait for.
    """

    moment: ClassVar[float] = 0.25

    @pytest.fixture
    def store(self) -> Driver:
        """An empty store, closed afterwards. Every driver's subclass overrides this."""
        raise NotImplementedError("give a `store` fixture that opens an empty store")

    @pytest.fixture
    def another(self, store: Driver) -> Callable[[], Driver]:
        """Something to call for one more opening of the same store; stores of one process only have the one."""
        assert not store.capabilities.shared, "a shared store must override `another`"
        return lambda: store

    @pytest.fixture
    def pass_time(self, store: Driver) -> Callable[[float], None]:
        """Something to call with seconds, that comes back when the store's clock has moved on by more than that."""
        clock = store.inspector
        assert clock is not None, "a store without an inspector must override `pass_time`"

        def wait(seconds: float) -> None:
            end = clock.now() + timedelta(seconds=seconds)
            eventually(lambda: clock.now() > end, within=seconds + 30)

        return wait

    @pytest.fixture
    def stage(self, store: Driver, pass_time: Callable[[float], None]) -> Stage:
        """What the tests speak through."""
        return Stage(store, moment=self.moment, pass_time=pass_time)


def eventually(condition: Callable[[], object], *, within: float = 20.0) -> None:
    """Wait until `condition` holds; an assertion error after `within` seconds."""
    pause, deadline = Event(), monotonic() + within
    while not condition():
        assert monotonic() < deadline, "what was waited for did not come"
        pause.wait(0.005)


def ids(jobs: Sequence[Claim] | Sequence[Job]) -> list[str]:
    """Whose they are, in their order."""
    return [job.id for job in jobs]
