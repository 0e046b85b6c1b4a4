"""Running jobs in this very process: one inline, or several on threads.

For tests, for `sync://`, for `jobq run`, and for a web process that works off its own queue. A timeout here is
cooperative: an exception is raised in the thread, and a handler stuck in C keeps its thread, which is reported,
while its job is settled and the others go on.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

from jobq.drivers.protocol import Demand, Driver
from jobq.errors import JobqError
from jobq.interrupt import Interruptible
from jobq.jobs import (
    Cancelled,
    Claim,
    Completed,
    HandlerInfo,
    Inserted,
    NewJob,
    Note,
    Outcome,
    Retried,
    SessionInfo,
    Settlement,
)
from jobq.pipeline import Pipeline
from jobq.policy import RELEASED
from jobq.requests import RequestMaker
from jobq.worker.executor import Asked, Assignment, Ended, Event, Running
from jobq.worker.judge import Judge

if TYPE_CHECKING:
    import structlog

TICK = 0.1


class LocalPort:
    """A `context.Port` for handlers in this process: what they enqueue goes straight to `insert`."""

    def __init__(
        self,
        maker: RequestMaker,
        insert: Callable[[NewJob], Inserted],
        note: Callable[[Note], None],
        settle_on: Callable[[Any, Settlement], None],
    ) -> None:
        self._maker = maker
        self._insert = insert
        self._note = note
        self._settle_on = settle_on

    def enqueue(self, parent: Claim, name: str, payload: Any, options: Mapping[str, Any]) -> Inserted:
        return self._insert(self._maker.child_of(parent, name, payload, options))

    def note(self, claim: Claim, *, percent: float | None, message: str | None, checkpoint: str | None) -> None:
        self._note(Note(id=claim.id, token=claim.token, percent=percent, message=message, checkpoint=checkpoint))

    def complete(self, connection: Any, claim: Claim, result: str | None) -> None:
        self._settle_on(connection, Settlement(id=claim.id, token=claim.token, outcome=Completed(result=result)))

    def logger(self, claim: Claim) -> structlog.typing.FilteringBoundLogger:
        from jobq.telemetry import job_logger

        return job_logger(claim)


class InlineRunner:
    """Runs one job at a time in the calling thread."""

    def __init__(
        self,
        pipeline: Pipeline,
        judge: Judge,
        handlers: Sequence[HandlerInfo],
        maker: RequestMaker,
        *,
        settle_on: Callable[[Any, Settlement], None],
        now: Callable[[], Any],
    ) -> None:
        self._pipeline = pipeline
        self._judge = judge
        self._handlers = {info.name: info for info in handlers}
        self._maker = maker
        self._settle_on = settle_on
        self._now = now

    def run(self, job: NewJob) -> Outcome:
        """One attempt without a store; jobs that it enqueues run right after it."""
        if job.name not in self._handlers:
            raise self._pipeline.unknown(job.name)
        children: list[NewJob] = []

        def insert(child: NewJob) -> Inserted:
            children.append(child)
            return Inserted(id=child.id)

        now = self._now()
        claim = Claim(
            id=job.id, token="", name=job.name, queue=job.queue, attempt=1, payload=job.payload,
            priority=job.priority, max_attempts=job.max_attempts, max_crashes=job.max_crashes, timeout=job.timeout,
            backoff=job.backoff, metadata=job.metadata, tags=job.tags, unique_key=job.unique_key,
            partition_key=job.partition_key, run_at=now, created_at=now,
        )  # fmt: skip
        outcome = self._perform(claim, LocalPort(self._maker, insert, lambda _: None, self._settle_on))
        for child in children:
            self.run(child)
        return outcome

    def drain(self, driver: Driver, ids: Sequence[str]) -> None:
        """Claim and run whatever may run, until none of `ids` waits any more; retries follow at once."""
        info = SessionInfo(id=str(uuid4()), name="inline", host="", pid=0, version="")
        session = driver.open_session(info, lease=3600.0)
        port = LocalPort(
            self._maker,
            lambda job: driver.insert([job])[0],
            lambda note: driver.annotate(session, [note]),
            self._settle_on,
        )
        demand = Demand(limit=1, names=frozenset(self._handlers))
        try:
            while claims := driver.claim(session, demand).claims:
                outcome = self._perform(claims[0], port)
                if isinstance(outcome, Retried):
                    outcome = msgspec.structs.replace(outcome, delay=0.0)
                driver.settle(session, [Settlement(id=claims[0].id, token=claims[0].token, outcome=outcome)])
        finally:
            driver.close_session(session)

    def _perform(self, claim: Claim, port: LocalPort) -> Outcome:
        _, limits = self._judge.assign(claim, self._handlers.get(claim.name))
        attempt = Interruptible()
        alarm = threading.Timer(limits.timeout, attempt.interrupt, ["timeout"])
        alarm.daemon = True
        alarm.start()
        try:
            return self._pipeline.run(claim, limits, port, attempt)
        finally:
            alarm.cancel()


class _Run:
    """One assignment on its way through a thread."""

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self.attempt = Interruptible()
        self.began: float | None = None
        self.asked_at: float | None = None
        self.cancelled: Cancelled | None = None


class ThreadExecutor:
    """An `Executor` on threads of this process. `stuck` is told the name of a job whose thread had to be given up."""

    def __init__(
        self, pipeline: Pipeline, judge: Judge, handlers: Sequence[HandlerInfo], maker: RequestMaker, *,
        concurrency: int, kill_grace: float, settle_on: Callable[[Any, Settlement], None], stuck: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._pipeline = pipeline
        self._judge = judge
        self._handlers = handlers
        self._concurrency = concurrency
        self._kill_grace = kill_grace
        self._stuck = stuck
        self._events: SimpleQueue[Event | None] = SimpleQueue()
        self._inbox: SimpleQueue[_Run | None] = SimpleQueue()
        self._runs: dict[str, _Run] = {}
        self._numbers = itertools.count(1)
        self._port = LocalPort(maker, self._ask, self._events.put, settle_on)
        for _ in range(concurrency):
            self._start_thread()

    def handlers(self) -> Sequence[HandlerInfo]:
        return self._handlers

    def room(self) -> int:
        return max(0, self._concurrency - len(self._runs))

    def expect_alone(self, waiting: int) -> bool:
        # Threads share one process, so nothing runs alone here; a job that kills it kills the worker.
        return waiting > 0 and self.room() > 0

    def submit(self, assignments: Sequence[Assignment]) -> None:
        for assignment in assignments:
            run = self._runs[assignment.claim.id] = _Run(assignment)
            self._inbox.put(run)

    def wait(self, timeout: float) -> list[Event]:
        self._enforce_timeouts()
        events: list[Event] = []
        try:
            first = self._events.get(timeout=min(timeout, TICK) if self._runs else timeout)
            events += [] if first is None else [first]
            while True:
                more = self._events.get_nowait()
                events += [] if more is None else [more]
        except Empty:
            return [event for event in events if self._is_current(event)]

    def wake(self) -> None:
        self._events.put(None)

    def outstanding(self) -> int:
        return len(self._runs)

    def running(self) -> list[Running]:
        now = time.monotonic()
        return [Running(run.assignment.claim, now - run.began, "thread") for run in self._runs.values() if run.began]

    def revoke(self) -> list[Claim]:
        taken: list[Claim] = []
        try:
            while True:
                run = self._inbox.get_nowait()
                if run is not None:
                    del self._runs[run.assignment.claim.id]
                    taken.append(run.assignment.claim)
        except Empty:
            return taken

    def cancel(self, job_id: str, *, kill: bool, reason: str | None) -> None:
        run = self._runs.get(job_id)
        if run is not None:
            run.cancelled = Cancelled(reason=reason)
            run.attempt.interrupt("timeout" if kill else "cancel")

    def interrupt(self) -> None:
        for run in list(self._runs.values()):
            run.attempt.interrupt("shutdown")

    def kill(self) -> None:
        """Threads cannot be killed: give their jobs back, and report those that go on."""
        for run in list(self._runs.values()):
            self._give_up(run, RELEASED)

    def close(self) -> None:
        """Let the threads go."""
        for _ in range(self._concurrency):
            self._inbox.put(None)

    def _start_thread(self) -> None:
        threading.Thread(target=self._serve, name=f"jobq-slot-{next(self._numbers)}", daemon=True).start()

    def _serve(self) -> None:
        while (run := self._inbox.get()) is not None:
            run.began = time.monotonic()
            claim, limits = run.assignment
            outcome = self._pipeline.run(claim, limits, self._port, run.attempt)
            if run.cancelled is not None and not isinstance(outcome, Completed):
                outcome = run.cancelled
            self._events.put(Ended(claim, outcome, time.monotonic() - run.began))
            if self._runs.get(claim.id) is not run:
                return  # it was given up, and another thread has taken this one's place

    def _ask(self, job: NewJob) -> Inserted:
        answered = threading.Event()
        box: list[Any] = []

        def answer(ids: Sequence[str], error: Exception | None) -> None:
            box.append(error if error is not None else Inserted(id=ids[0], deduplicated=ids[0] != job.id))
            answered.set()

        self._events.put(Asked([job], answer))
        answered.wait()
        if isinstance(box[0], JobqError):
            raise box[0]
        return box[0]  # type: ignore[no-any-return]

    def _is_current(self, event: Event) -> bool:
        if not isinstance(event, Ended):
            return True
        run = self._runs.get(event.claim.id)
        if run is None or run.assignment.claim.token != event.claim.token:
            return False
        del self._runs[event.claim.id]
        return True

    def _enforce_timeouts(self) -> None:
        now = time.monotonic()
        for run in list(self._runs.values()):
            claim, limits = run.assignment
            if run.began is None or now - run.began <= limits.timeout:
                continue
            if run.asked_at is None:
                run.asked_at = now
                run.attempt.interrupt("timeout")
            elif now - run.asked_at > self._kill_grace:
                self._give_up(run, self._judge.timed_out(claim, limits))

    def _give_up(self, run: _Run, outcome: Outcome) -> None:
        """Settle a job whose thread does not come back, and put another thread in its place."""
        self._stuck(run.assignment.claim.name)
        self._events.put(Ended(run.assignment.claim, outcome, 0.0))
        self._start_thread()
