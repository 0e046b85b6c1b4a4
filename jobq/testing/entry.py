"""A job as the reference model remembers it, and how it compares with what a driver says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jobq.jobs import FINAL, Job, NewJob, State

SLACK = timedelta(milliseconds=2)


@dataclass
class Moment:
    """Between which two readings of the store's clock something was done."""

    before: datetime
    after: datetime

    def later(self, seconds: float) -> Moment:
        """The same uncertainty, so many seconds later."""
        return Moment(self.before + timedelta(seconds=seconds), self.after + timedelta(seconds=seconds))


@dataclass(eq=False)
class Entry:
    """One job as the model remembers it. `run_at` is a `Moment` until the driver has said which instant it took."""

    new: NewJob
    place: int
    state: State
    run_at: Moment
    expired: bool
    attempt: int = 0
    crashes: int = 0
    losses: int = 0
    rounds: int = 0
    alone: bool = False
    token: str | None = None
    settled: str | None = None
    older: set[str] = field(default_factory=set)
    session: str | None = None
    worker: str | None = None
    cancel_requested: bool = False
    cancel_reason: str | None = None
    reason: str | None = None
    result: str | None = None
    percent: float | None = None
    checkpoint: str | None = None
    errors: list[tuple[int, str]] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        """Whether it stands in line, due or not."""
        return self.state in {State.SCHEDULED, State.PENDING, State.RETRYING}

    def is_due(self, now: datetime) -> bool:
        """Whether it may run, as far as time goes."""
        return self.waits and not self.expired and self.run_at.after <= now

    def holds(self, name: str, key: str | None) -> bool:
        """Whether this job keeps the unique key from others."""
        mine = self.new.unique_key is not None and (self.new.name, self.new.unique_key) == (name, key)
        return mine and (self.new.unique_for is not None or self.state not in FINAL)

    def state_at(self, now: datetime) -> State:
        """Its state as people read it."""
        is_due = self.state is State.SCHEDULED and self.run_at.after <= now
        return State.PENDING if is_due else self.state

    def line_up(self, state: State, run_at: Moment) -> None:
        """Wait again, unless somebody has asked that it should not."""
        if self.cancel_requested:
            self.state, self.reason = State.CANCELLED, self.cancel_reason
        else:
            self.state, self.run_at, self.worker = state, run_at, None

    def compare(self, job: Job, now: datetime) -> None:
        """Check that the driver says the same; adopt the instant that it chose."""
        early, late = self.run_at.before - SLACK, self.run_at.after + SLACK
        if self.waits:
            assert early <= job.run_at <= late, f"{job.id} is to run at {job.run_at}, not between {early} and {late}"
        self.run_at = Moment(job.run_at, job.run_at)
        assert _seen(job) == self._expected(now)

    def order(self) -> tuple[datetime, int]:
        """Its place among the jobs of one key."""
        return (self.run_at.after, self.place)

    def _expected(self, now: datetime) -> Mapping[str, object]:
        return {
            "id": self.new.id,
            "name": self.new.name,
            "queue": self.new.queue,
            "priority": self.new.priority,
            "keys": (self.new.unique_key, self.new.partition_key),
            "payload": self.new.payload,
            "state": self.state_at(now),
            "counters": (self.attempt, self.crashes, self.losses, self.rounds),
            "errors": self.errors,
            "reason": self.reason,
            "result": self.result,
            "worker": self.worker,
            "percent": self.percent,
            "cancel_requested": self.cancel_requested and self.state is State.RUNNING,
            "has ended": self.state in FINAL,
        }


def _seen(job: Job) -> Mapping[str, object]:
    return {
        "id": job.id,
        "name": job.name,
        "queue": job.queue,
        "priority": job.priority,
        "keys": (job.unique_key, job.partition_key),
        "payload": str(job.payload),
        "state": job.state,
        "counters": (job.attempt, job.crashes, job.losses, job.rounds),
        "errors": [(error.attempt, error.type) for error in job.errors],
        "reason": job.reason,
        "result": None if job.result is None else str(job.result),
        "worker": job.worker,
        "percent": None if job.progress is None else job.progress.percent,
        "cancel_requested": job.cancel_requested and job.state is State.RUNNING,
        "has ended": job.finished_at is not None,
    }
