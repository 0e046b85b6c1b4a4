"""The words of jobq as frozen values: jobs, claims, outcomes.

Decision: `msgspec.Struct`, not dataclasses. A value crosses the process boundary between supervisor and child
and is made tens of thousands of times a second; a struct is built, checked and encoded in C, and reads the
same. Cost: one small dependency.

Payloads, results and checkpoints travel as JSON *text* (`jobq.payload`), checked once at enqueue: the
supervisor never parses what only the handler needs, and every driver stores the same characters.

Options are `None` until somebody gives them: "unset" and "default" stay different things, so that a changed
handler changes the jobs that are already waiting.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct

OnConflict = Literal["skip", "raise", "replace"]
MOST_ATTEMPTS = 1000


class State(StrEnum):
    """Where a job stands. `FINAL` states are those that nothing leaves on its own."""

    SCHEDULED = "scheduled"
    PENDING = "pending"
    BLOCKED = "blocked"
    RUNNING = "running"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """True when the job has ended."""
        return self in FINAL


FINAL = frozenset({State.COMPLETED, State.FAILED, State.CANCELLED})
WAITING = frozenset({State.SCHEDULED, State.PENDING, State.RETRYING})


class ErrorInfo(Struct, frozen=True, kw_only=True):
    """What went wrong in one attempt: the exception's class name, its text, and the traceback if there is one."""

    type: str
    message: str
    traceback: str | None = None


class AttemptError(Struct, frozen=True, kw_only=True):
    """An entry of a job's `errors`: what went wrong, in which attempt, when and where."""

    attempt: int
    type: str
    message: str
    traceback: str | None
    at: datetime
    worker: str | None


class Progress(Struct, frozen=True, kw_only=True):
    """How far a running job says it is: `percent` from 0 to 100, and a word about it."""

    percent: float
    message: str | None = None


class NewJob(Struct, frozen=True, kw_only=True):
    """What a caller asks for, checked and complete: a driver stores it as it is.

    `payload` and `metadata` are JSON text. `delay` and `expires_in` are seconds on the store's clock; `run_at`
    is an aware instant and wins over `delay`. `given_id` says that the caller chose the id, so that a repeated
    one follows `on_conflict`. Options that are None are resolved from the handler at each claim.
    """

    id: str
    name: str
    queue: str = "default"
    priority: int = 0
    payload: str = "{}"
    given_id: bool = False
    delay: float = 0.0
    run_at: datetime | None = None
    expires_in: float | None = None
    max_attempts: int | None = None
    max_crashes: int | None = None
    timeout: float | None = None
    backoff: str | None = None
    metadata: str = "{}"
    tags: tuple[str, ...] = ()
    unique_key: str | None = None
    unique_for: float | None = None
    on_conflict: OnConflict = "skip"
    partition_key: str | None = None
    keep_completed: int | None = None
    keep_failed: int | None = None
    schedule: str | None = None


class Inserted(Struct, frozen=True, kw_only=True):
    """The answer to one `NewJob`: the id that now stands for it, and whether that job was there before."""

    id: str
    deduplicated: bool = False


class Job(Struct, frozen=True, kw_only=True):
    """What the store knows about a job: the job object of the command line, the API and HTTP.

    `attempt` counts the attempts used so far, 0 before the first. `max_attempts`, `max_crashes` and `timeout`
    are None in a driver's answer when the job leaves them to its handler; the client fills them in.
    `rounds` counts how often a person has retried it: each grants `max_attempts` once more.
    """

    id: str
    name: str
    queue: str
    state: State
    priority: int
    attempt: int
    max_attempts: int | None
    crashes: int
    payload: Any
    result: Any = None
    progress: Progress | None = None
    metadata: dict[str, Any]
    tags: tuple[str, ...] = ()
    unique_key: str | None = None
    partition_key: str | None = None
    run_at: datetime
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    timeout: float | None = None
    errors: tuple[AttemptError, ...] = ()
    worker: str | None = None
    blocked_by: str | None = None
    batch_id: str | None = None
    schedule: str | None = None
    reason: str | None = None
    max_crashes: int | None = None
    backoff: str | None = None
    losses: int = 0
    rounds: int = 0
    cancel_requested: bool = False
    deduplicated: bool = False


class Claim(Struct, frozen=True, kw_only=True, array_like=True):
    """The right to run one attempt of a job, until its lease ends.

    `token` is the fence: the store settles only for the token it gave out last. It is opaque: a number for SQL,
    a receipt handle for SQS. `attempt` already counts this run. `alone` asks for a process of its own, because
    this job was present when a process died. `metadata` is JSON text, like `payload`.
    """

    id: str
    token: str
    name: str
    queue: str
    attempt: int
    payload: str
    priority: int = 0
    crashes: int = 0
    losses: int = 0
    rounds: int = 0
    alone: bool = False
    max_attempts: int | None = None
    max_crashes: int | None = None
    timeout: float | None = None
    backoff: str | None = None
    metadata: str = "{}"
    tags: tuple[str, ...] = ()
    unique_key: str | None = None
    partition_key: str | None = None
    schedule: str | None = None
    batch_id: str | None = None
    checkpoint: str | None = None
    run_at: datetime
    created_at: datetime
    expires_at: datetime | None = None


class Completed(Struct, frozen=True, kw_only=True, array_like=True, tag="completed"):
    """The handler returned. `result` is JSON text, or None for nothing."""

    result: str | None = None


class Retried(Struct, frozen=True, kw_only=True, array_like=True, tag="retried"):
    """The attempt failed and another follows after `delay` seconds. `crash` says that the process died of it."""

    error: ErrorInfo
    delay: float
    crash: bool = False


class Failed(Struct, frozen=True, kw_only=True, array_like=True, tag="failed"):
    """The job ends as `failed`. `reason` is `exhausted`, `discarded`, `crashed` or `lost`."""

    error: ErrorInfo
    reason: str
    crash: bool = False


class Cancelled(Struct, frozen=True, kw_only=True, array_like=True, tag="cancelled"):
    """The job ends as `cancelled`."""

    reason: str | None = None


class Snoozed(Struct, frozen=True, kw_only=True, array_like=True, tag="snoozed"):
    """The handler asks to be called again in `delay` seconds; the attempt is taken back."""

    delay: float


class Released(Struct, frozen=True, kw_only=True, array_like=True, tag="released"):
    """Nobody's fault: the job goes back to its place in line and the attempt is taken back."""


class Suspected(Struct, frozen=True, kw_only=True, array_like=True, tag="suspected"):
    """The process died with several jobs in it and nobody knows whose fault it was.

    The job goes back in line with a crash mark and no attempt used, and next runs alone.
    """

    error: ErrorInfo


Outcome = Completed | Retried | Failed | Cancelled | Snoozed | Released | Suspected


class Settlement(Struct, frozen=True, kw_only=True):
    """An outcome to record under a claim. `elapsed` is how long the handler ran, in seconds."""

    id: str
    token: str
    outcome: Outcome
    elapsed: float = 0.0


class Settled(StrEnum):
    """What became of a settlement."""

    APPLIED = "applied"
    LOST = "lost"


class Note(Struct, frozen=True, kw_only=True):
    """Something a running job wants remembered: progress (percent and a word), or a checkpoint as JSON text."""

    id: str
    token: str
    percent: float | None = None
    message: str | None = None
    checkpoint: str | None = None


class HandlerInfo(Struct, frozen=True, kw_only=True):
    """A handler's name and declared options, as a worker registers them in the store.

    Durations are seconds. `backoff` is its text, or `custom` when it is a function that only the child knows.
    """

    name: str
    queue: str | None = None
    priority: int | None = None
    max_attempts: int | None = None
    max_crashes: int | None = None
    timeout: float | None = None
    backoff: str | None = None
    keep_completed: int | None = None
    keep_failed: int | None = None
    failed_queue: str | None = None
    description: str = ""
    plugin: str = ""
    is_async: bool = False
    has_schema: bool = False
    has_on_failed: bool = False


class SessionInfo(Struct, frozen=True, kw_only=True):
    """What a worker says of itself when it registers. `id` is new for every incarnation and never reused."""

    id: str
    name: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...] = ()
    handlers: tuple[HandlerInfo, ...] = ()
    processes: int = 1
    concurrency: int = 1


class SessionState(StrEnum):
    """What a worker is doing."""

    RUNNING = "running"
    QUIET = "quiet"
    STOPPING = "stopping"
    LOST = "lost"


class SessionView(Struct, frozen=True, kw_only=True):
    """A worker as the store sees it. `running` counts the jobs it has claimed and not settled."""

    id: str
    name: str
    host: str
    pid: int
    version: str
    state: SessionState
    queues: tuple[str, ...]
    names: tuple[str, ...]
    processes: int
    concurrency: int
    running: int
    started_at: datetime
    lease_until: datetime


CommandKind = Literal["cancel", "kill", "quiet", "resume", "stop", "scale", "dump"]


class Command(Struct, frozen=True, kw_only=True):
    """A message in a worker's control inbox. `cancel` and `kill` name a job, `scale` a number of processes."""

    kind: CommandKind
    job_id: str | None = None
    value: int | None = None
    reason: str | None = None


class JobFilter(Struct, frozen=True, kw_only=True):
    """Which jobs a list or a bulk action means; everything given must hold.

    `names` and `queues` take globs, `error` is a part of an error's type or text, `where` compares a path into
    the payload with a JSON value. `since` and `until` speak of `created_at`.
    """

    states: tuple[State, ...] = ()
    names: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    priority: int | None = None
    tags: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    error: str | None = None
    where: tuple[tuple[str, Any], ...] = ()


class Page(Struct, frozen=True, kw_only=True):
    """A part of a list, newest first. `next_cursor` asks for the part after it; None at the end."""

    items: tuple[Job, ...]
    next_cursor: str | None = None


class QueueCount(Struct, frozen=True, kw_only=True):
    """How many jobs of one queue are in one state; `oldest` is the `run_at` that has waited longest."""

    queue: str
    state: State
    jobs: int
    oldest: datetime | None = None


class NameStats(Struct, frozen=True, kw_only=True):
    """What happened to the jobs of one name in a window. Times are seconds."""

    name: str
    completed: int
    failed: int
    cancelled: int
    average: float | None
    p95: float | None
