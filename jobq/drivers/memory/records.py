"""The mutable row behind a job in memory, and how it looks from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jobq.jobs import AttemptError, Claim, ErrorInfo, Job, NewJob, Progress, State
from jobq.payload import decode
from jobq.rotation import Lane


@dataclass(slots=True)
class Record:
    """One job. `seq` is the order of insertion; `token` and `session` are set while it runs."""

    new: NewJob
    seq: int
    created_at: datetime
    updated_at: datetime
    run_at: datetime
    state: State
    expires_at: datetime | None
    attempt: int = 0
    crashes: int = 0
    losses: int = 0
    rounds: int = 0
    alone: bool = False
    token: str | None = None
    settled_token: str | None = None
    session: str | None = None
    worker: str | None = None
    cancel_requested: bool = False
    cancel_reason: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: str | None = None
    reason: str | None = None
    progress: Progress | None = None
    checkpoint: str | None = None
    errors: list[AttemptError] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.new.id

    @property
    def lane(self) -> Lane:
        return Lane(self.new.queue, self.new.priority, self.new.name, self.new.partition_key)

    def holds_key_at(self, now: datetime) -> bool:
        """Whether the unique key still keeps others out."""
        if self.new.unique_for is None:
            return not self.state.is_final
        return now < self.created_at + timedelta(seconds=self.new.unique_for)

    def state_at(self, now: datetime) -> State:
        """A scheduled job whose time has come reads as pending; nothing has to promote it."""
        return State.PENDING if self.state is State.SCHEDULED and self.run_at <= now else self.state

    def blame(self, error: ErrorInfo, at: datetime) -> None:
        """Put an error into the history of the attempt that is under way."""
        self.errors.append(
            AttemptError(
                attempt=self.attempt,
                type=error.type,
                message=error.message,
                traceback=error.traceback,
                at=at,
                worker=self.worker,
            )
        )

    def as_claim(self, token: str) -> Claim:
        """The right to run it, as handed to a worker."""
        new = self.new
        return Claim(
            id=new.id,
            token=token,
            name=new.name,
            queue=new.queue,
            attempt=self.attempt,
            payload=new.payload,
            priority=new.priority,
            crashes=self.crashes,
            losses=self.losses,
            rounds=self.rounds,
            alone=self.alone,
            max_attempts=new.max_attempts,
            max_crashes=new.max_crashes,
            timeout=new.timeout,
            backoff=new.backoff,
            metadata=new.metadata,
            tags=new.tags,
            unique_key=new.unique_key,
            partition_key=new.partition_key,
            schedule=new.schedule,
            checkpoint=self.checkpoint,
            run_at=self.run_at,
            created_at=self.created_at,
            expires_at=self.expires_at,
        )

    def as_job(self, now: datetime) -> Job:
        """What people and programs get to see."""
        new = self.new
        return Job(
            id=new.id,
            name=new.name,
            queue=new.queue,
            state=self.state_at(now),
            priority=new.priority,
            attempt=self.attempt,
            max_attempts=new.max_attempts,
            crashes=self.crashes,
            payload=decode(new.payload),
            result=None if self.result is None else decode(self.result),
            progress=self.progress,
            metadata=decode(new.metadata),
            tags=new.tags,
            unique_key=new.unique_key,
            partition_key=new.partition_key,
            run_at=self.run_at,
            created_at=self.created_at,
            updated_at=self.updated_at,
            started_at=self.started_at,
            finished_at=self.finished_at,
            expires_at=self.expires_at,
            timeout=new.timeout,
            errors=tuple(self.errors),
            worker=self.worker,
            schedule=new.schedule,
            reason=self.reason,
            max_crashes=new.max_crashes,
            backoff=new.backoff,
            losses=self.losses,
            rounds=self.rounds,
            cancel_requested=self.cancel_requested,
        )
