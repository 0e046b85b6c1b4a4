"""The Python API: what the command line does, as methods; the command line has no other way in.

A `Client` is synchronous and may be shared between threads. It knows a driver only by its protocol, and asks
for a facet by name, so that what a store cannot do is refused with a reason.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, Unpack

import msgspec

from jobq import payload as json_text
from jobq.config import Config
from jobq.drivers.protocol import Driver, Inspector, Operator
from jobq.durations import parse_duration
from jobq.errors import (
    Conflict,
    Disabled,
    InvalidState,
    InvalidValue,
    JobFailed,
    NotFound,
    TryAgain,
    UnknownHandler,
    Unsupported,
)
from jobq.filters import Filters, make_filter
from jobq.handlers import Registry
from jobq.jobs import (
    Cancelled,
    Claim,
    Completed,
    Failed,
    HandlerInfo,
    Inserted,
    Job,
    NewJob,
    Outcome,
    Page,
    QueueCount,
    Retried,
    SessionView,
    Snoozed,
    State,
)
from jobq.names import near
from jobq.observers import Observers
from jobq.policy import limits_of
from jobq.reports import Health, Stats, make_health, make_stats
from jobq.requests import EnqueueOptions, RequestMaker
from jobq.schema import checker

T = TypeVar("T")
KNOWN_FOR = 10.0
FIRST_LOOK, SLOWEST_LOOK = 0.01, 0.25
PAGE = 50
SHORTEST_PART = 6


class Inline(Protocol):
    """Runs jobs here and now; the composition root brings one."""

    def run(self, job: NewJob) -> Outcome:
        """One attempt, no store."""

    def drain(self, driver: Driver, ids: Sequence[str]) -> None:
        """Run what was just inserted to its end."""


class Client:
    """A connection to one store. Use it as a context manager, or call `close`.

    with jobq.connect() as q:
        job = q.enqueue("email:send", {"to": "a@example.com"}, delay="5m")
    """

    def __init__(
        self,
        driver: Driver,
        config: Config,
        registry: Registry,
        inline: Inline,
        observers: Observers | None = None,
    ) -> None:
        self.driver = driver
        self.config = config
        self.registry = registry
        self._inline = inline
        self._observers = observers
        self._known: dict[str, HandlerInfo] = {}
        self._known_until = 0.0
        limit = min(config.limits.max_payload, driver.capabilities.max_payload or config.limits.max_payload)
        self._maker = RequestMaker(
            self._lookup, checker(registry), default_queue=config.defaults.queue, max_payload=limit
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store. Calling it twice is fine."""
        self.driver.close()

    # Putting jobs in line.

    def enqueue(
        self, name: str, payload: Any = None, *, connection: Any = None, strict: bool = False,
        **options: Unpack[EnqueueOptions],
    ) -> Job:  # fmt: skip
        """Put one job in line and return it; its `deduplicated` says that it was there before.

        `connection` is your own psycopg or sqlite3 connection, whose transaction the job then shares. `strict`
        refuses a name that neither this process nor the store knows. Raises `BadPayload`, `InvalidValue`,
        `Conflict` (with `on_conflict="raise"`) or `UnknownHandler`, and then nothing was stored.
        """
        job = self._maker.make(name, payload, **options)
        if strict:
            self.require_known([name])
        (inserted,) = self._insert([job], connection)
        if connection is not None or self.driver.inspector is None:
            return _echo(job, inserted)
        return msgspec.structs.replace(self.get(inserted.id), deduplicated=inserted.deduplicated)

    def enqueue_many(
        self, requests: Iterable[Mapping[str, Any]], *, connection: Any = None, strict: bool = False
    ) -> Sequence[Inserted]:
        """Put many jobs in line, all or none; each request is an object with `enqueue`'s keywords."""
        jobs = [self.prepare(request) for request in requests]
        if strict:
            self.require_known({job.name for job in jobs})
        return self._insert(jobs, connection)

    def prepare(self, request: Mapping[str, Any]) -> NewJob:
        """Check a request without sending it."""
        return self._maker.from_mapping(request)

    def preview(self, name: str, payload: Any = None, **options: Unpack[EnqueueOptions]) -> Job:
        """The job that `enqueue` would make, without making it."""
        job = self._maker.make(name, payload, **options)
        return self._resolved(_echo(job, Inserted(id=job.id)))

    def send(self, jobs: Sequence[NewJob]) -> Sequence[Inserted]:
        """Put prepared jobs in line, all or none."""
        return self._insert(jobs, None)

    def run(self, name: str, payload: Any = None, **options: Unpack[EnqueueOptions]) -> Any:
        """Run one attempt here, without a queue, and return its result; raises `JobFailed` if it did not complete."""
        return result_of(self._inline.run(self._maker.make(name, payload, **options)))

    def require_known(self, names: Iterable[str]) -> None:
        """Raise `UnknownHandler` for a name that nobody has; any name passes until a worker has registered."""
        for name in names:
            if name not in self.registry and self._lookup(name) is None and self._known:
                raise self._unknown(name)

    def is_known(self, name: str) -> bool:
        """Whether this process or some worker has a handler of that name."""
        return name in self.registry or self._lookup(name) is not None

    # Looking.

    def get(self, id: str) -> Job:
        """The job of exactly this id; raises `NotFound`."""
        job = self._inspector("show a job").get(id)
        if job is None:
            raise NotFound(f"no job {id}", hint="`jobq jobs list` shows what there is")
        return self._resolved(job)

    def resolve(self, part: str) -> str:
        """The id that begins or ends with `part` (6 characters or more); raises `NotFound` or `InvalidValue`."""
        found = self._inspector("look up a job").resolve(part) if len(part) >= SHORTEST_PART else []
        if part in found:
            return part
        if len(found) > 1:
            raise InvalidValue(
                f"{part} stands for several jobs, {found[0]} and {found[1]} among them", hint="type more of it"
            )
        if found:
            return found[0]
        short = f"an id, or at least {SHORTEST_PART} characters of its beginning or end, is needed"
        if len(part) < SHORTEST_PART and self._inspector("look up a job").get(part) is None:
            raise NotFound(f"no job {part}", hint=short)
        if len(part) < SHORTEST_PART:
            return part
        raise NotFound(f"no job {part}", hint="`jobq jobs list` shows what there is")

    def list(
        self, *, limit: int = PAGE, cursor: str | None = None, offset: int = 0, **filters: Unpack[Filters]
    ) -> Page:
        """Jobs that match, newest first, a page at a time."""
        page = self._inspector("list jobs").find(make_filter(**filters), limit=limit, cursor=cursor, offset=offset)
        return Page(items=tuple(self._resolved(job) for job in page.items), next_cursor=page.next_cursor)

    def count(self, **filters: Unpack[Filters]) -> int:
        """How many jobs match."""
        return self._inspector("count jobs").count(make_filter(**filters))

    def now(self) -> datetime:
        """The store's clock."""
        return self._inspector("tell the time").now()

    def counts(self) -> Sequence[QueueCount]:
        """How many jobs are in which state, by queue."""
        return self._inspector("count jobs").counts()

    def workers(self) -> Sequence[SessionView]:
        """The workers that are alive."""
        return self._inspector("list workers").sessions()

    def handlers(self) -> Sequence[HandlerInfo]:
        """Every handler that this process has loaded or some worker has registered, by name."""
        known = {info.name: info for info in self._inspector("list handlers").handlers()}
        known.update({info.name: info for info in self.registry.infos()})
        return [known[name] for name in sorted(known)]

    def stats(self, window: float | timedelta | str = 3600.0) -> Stats:
        """How things stand, and what happened in the last `window`."""
        inspector = self._inspector("sum up")
        seconds = parse_duration(window, what="window")
        return make_stats(
            inspector.counts(), inspector.finished(seconds), inspector.sessions(), seconds, inspector.now()
        )

    def health(self) -> Health:
        """Whether somebody is working."""
        inspector = self._inspector("judge its health")
        names = [info.name for info in self.handlers()]
        return make_health(inspector.counts(), inspector.finished(3600.0), inspector.sessions(), names)

    def wait(self, id: str, *, timeout: float | timedelta | str | None = None) -> Job:
        """Wait until the job has ended, and return it; raises `TryAgain` after `timeout`."""
        end = None if timeout is None else time.monotonic() + parse_duration(timeout, what="timeout")
        pause = FIRST_LOOK
        while not (job := self.get(id)).state.is_final:
            if end is not None and time.monotonic() >= end:
                raise TryAgain(f"job {id} is still {job.state}", hint=f"`jobq jobs show {id}` says how it stands")
            time.sleep(pause if end is None else max(0.0, min(pause, end - time.monotonic())))
            pause = min(SLOWEST_LOOK, pause * 1.5)
        return job

    # Changing what waits.

    def cancel(self, id: str, *, kill: bool = False, reason: str | None = None) -> Job:
        """Cancel a job: at once if it waits, by asking it if it runs; `kill` ends its process.

        Raises `InvalidState` when it has ended already.
        """
        job = self.get(id)
        if not self._operator("cancel a job").cancel([id], kill=kill, reason=reason):
            raise InvalidState(f"job {id} is {self.get(id).state} and cannot be cancelled", hint=_advice(job))
        return self.get(id)

    def retry(self, id: str) -> Job:
        """Put a failed, cancelled, retrying or scheduled job back in line now; raises `InvalidState` otherwise."""
        self.get(id)
        if not self._operator("retry a job").retry([id]):
            job = self.get(id)
            if job.state in {State.FAILED, State.CANCELLED}:
                raise Conflict(f"the unique key of job {id} is held by another job by now")
            raise InvalidState(f"job {id} is {job.state} and cannot be retried", hint=_advice(job))
        return self.get(id)

    def retry_all(self, ids: Sequence[str], *, delay: float = 0.0) -> Sequence[str]:
        """Put many jobs back in line, `delay` seconds from now; returns those that were changed."""
        return self._operator("retry jobs").retry(ids, delay=delay)

    def cancel_all(self, ids: Sequence[str], *, kill: bool = False, reason: str | None = None) -> Sequence[str]:
        """Cancel many jobs; returns those that were changed."""
        return self._operator("cancel jobs").cancel(ids, kill=kill, reason=reason)

    # Inside.

    def _insert(self, jobs: Sequence[NewJob], connection: Any) -> Sequence[Inserted]:
        if not self.config.enabled:
            raise Disabled("this installation is switched off", hint="set enabled = true to take jobs again")
        inserted = self.driver.insert(jobs, connection=connection)
        if self._observers is not None and self._observers.hears("jobq_job_enqueued"):
            for job, item in zip(jobs, inserted, strict=True):
                if not item.deduplicated:
                    self._observers.tell("jobq_job_enqueued", job=job)
        if self.driver.capabilities.inline:
            self._inline.drain(self.driver, [item.id for item in inserted if not item.deduplicated])
        return inserted

    def _lookup(self, name: str) -> HandlerInfo | None:
        """A handler's declared options: from this process, or what workers registered, looked up now and then."""
        if name in self.registry:
            return self.registry.get(name).info()
        inspector = self.driver.inspector
        if time.monotonic() >= self._known_until and inspector is not None:
            self._known = {info.name: info for info in inspector.handlers()}
            self._known_until = time.monotonic() + KNOWN_FOR
        return self._known.get(name)

    def _unknown(self, name: str) -> UnknownHandler:
        close = near(name, [*self._known, *self.registry.names()])
        hint = f"did you mean {' or '.join(close)}?" if close else "`jobq handlers list` shows what there is"
        return UnknownHandler(f"no handler for {name}", hint=hint)

    def _resolved(self, job: Job) -> Job:
        """Fill in what the job leaves to its handler."""
        limits = limits_of(_claim_of(job), self._lookup(job.name), self.config.defaults)
        return msgspec.structs.replace(
            job,
            max_attempts=limits.max_attempts,
            max_crashes=limits.max_crashes,
            timeout=limits.timeout,
            backoff=limits.backoff,
        )

    def _inspector(self, what: str) -> Inspector:
        return _require(self.driver.inspector, what, self.driver)

    def _operator(self, what: str) -> Operator:
        return _require(self.driver.operator, what, self.driver)


def result_of(outcome: Outcome) -> Any:
    """The result of an inline run; raises `JobFailed` for anything but completion."""
    match outcome:
        case Completed(result=result):
            return None if result is None else json_text.decode(result)
        case Failed(error=error) | Retried(error=error):
            raise JobFailed(f"{error.type}: {error.message}", type=error.type, traceback=error.traceback)
        case Snoozed(delay=delay):
            raise JobFailed(f"the job asks to be called again in {delay:g} s", type="Snooze")
        case Cancelled(reason=reason):
            raise JobFailed(f"the job was cancelled{f': {reason}' if reason else ''}", type="JobCancelled")
        case _:
            raise JobFailed("the job was interrupted", type="JobInterrupted")


def _require(facet: T | None, what: str, driver: Driver) -> T:
    if facet is None:
        raise Unsupported(f"{driver.capabilities.name} cannot {what}", hint="configure a store beside it")
    return facet


def _advice(job: Job) -> str:
    if job.state.is_final:
        return "it has ended; `jobq jobs retry` runs a failed or cancelled one again"
    return f"`jobq jobs show {job.id}` says how it stands"


def _claim_of(job: Job) -> Claim:
    """As much of a claim as resolving options needs."""
    return Claim(
        id=job.id, token="", name=job.name, queue=job.queue, attempt=job.attempt, payload="", rounds=job.rounds,
        max_attempts=job.max_attempts, max_crashes=job.max_crashes, timeout=job.timeout, backoff=job.backoff,
        run_at=job.run_at, created_at=job.created_at,
    )  # fmt: skip


def _echo(job: NewJob, inserted: Inserted) -> Job:
    """What is known of a job that cannot be read back yet: it sits in the caller's open transaction."""
    now = datetime.now(UTC)
    run_at = job.run_at or now + timedelta(seconds=job.delay)
    return Job(
        id=inserted.id, name=job.name, queue=job.queue, state=State.SCHEDULED if run_at > now else State.PENDING,
        priority=job.priority, attempt=0, max_attempts=job.max_attempts, crashes=0,
        payload=json_text.decode(job.payload), metadata=json_text.decode(job.metadata), tags=job.tags,
        unique_key=job.unique_key, partition_key=job.partition_key, run_at=run_at, created_at=now, updated_at=now,
        timeout=job.timeout, deduplicated=inserted.deduplicated,
    )  # fmt: skip
