"""What jobs look like: a line in a list, or everything about one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from jobq.cli.output import safe
from jobq.cli.render.tables import Cell, Column, print_facts, print_heading, print_table
from jobq.cli.render.words import (
    STYLES,
    ago,
    attempts,
    exact,
    last_error,
    one_line,
    short_id,
    stamp,
    value_text,
    when,
)
from jobq.jobs import AttemptError, Job, State

if TYPE_CHECKING:
    from rich.console import Console

_JOBS = (
    Column("ID"),
    Column("STATE"),
    Column("NAME", gives=True),
    Column("QUEUE", gives=True),
    Column("TRIES", right=True),
    Column("WHEN"),
    Column("ERROR", gives=True),
)
_FAILED = (Column("ID"), Column("NAME"), Column("TRIES", right=True), Column("FAILED"), Column("ERROR", gives=True))
_OPTIONAL = ("unique_key", "partition_key", "blocked_by", "batch_id", "schedule", "reason", "worker")


def print_jobs(console: Console, jobs: Sequence[Job], now: datetime) -> None:
    """A list of jobs; the column with errors is left out when there are none."""
    if not jobs:
        return
    width = len(_JOBS) if any(map(last_error, jobs)) else len(_JOBS) - 1
    rows = (
        (
            short_id(job.id),
            Cell(job.state, STYLES[job.state]),
            job.name,
            job.queue,
            attempts(job),
            when(job, now),
            last_error(job),
        )[:width]
        for job in jobs
    )
    print_table(console, _JOBS[:width], rows)


def print_failed(console: Console, jobs: Sequence[Job], now: datetime) -> None:
    """The dead letters: what failed, when and why."""
    if jobs:
        rows = ((short_id(job.id), job.name, attempts(job), ago(job.finished_at, now), last_error(job)) for job in jobs)
        print_table(console, _FAILED, rows)


def print_job(console: Console, job: Job, now: datetime, secret_keys: Sequence[str]) -> None:
    """Everything about a job."""
    print_facts(console, _facts(job, now, secret_keys))
    if job.errors:
        print_heading(console, "errors")
    for error in job.errors:
        _print_error(console, error, now)


def line(job: Job) -> str:
    """A job in one line: what an enqueue answers."""
    return f"{safe(job.id)}  {job.state}  {job.name}  in {job.queue}"


def _facts(job: Job, now: datetime, secret_keys: Sequence[str]) -> Iterator[tuple[str, str | Cell]]:
    yield "id", job.id
    yield "name", job.name
    yield "state", Cell(job.state + (f" ({job.reason})" if job.reason else ""), STYLES[job.state])
    yield "queue", f"{job.queue}, priority {job.priority}"
    yield "attempts", f"{job.attempt} of {job.max_attempts}" + (f", {job.crashes} crashes" if job.crashes else "")
    yield "timeout", exact(job.timeout)
    yield "backoff", job.backoff or "–"
    yield "payload", value_text(job.payload, secret_keys, indent=2)
    if job.result is not None:
        yield "result", value_text(job.result, secret_keys, indent=2)
    if job.progress is not None:
        yield "progress", f"{job.progress.percent:g} % {job.progress.message or ''}".rstrip()
    if job.metadata:
        yield "metadata", value_text(job.metadata, secret_keys, indent=2)
    if job.tags:
        yield "tags", ", ".join(job.tags)
    yield from ((name.replace("_", " "), str(value)) for name in _OPTIONAL if (value := getattr(job, name)))
    yield from _times(job, now)


def _times(job: Job, now: datetime) -> Iterator[tuple[str, str]]:
    yield "created", stamp(job.created_at, now)
    if job.run_at != job.created_at:
        yield "runs at", stamp(job.run_at, now)
    for name, instant in (("started", job.started_at), ("finished", job.finished_at), ("expires", job.expires_at)):
        if instant is not None:
            yield name, stamp(instant, now)
    if job.started_at is not None and job.finished_at is not None:
        yield "took", exact((job.finished_at - job.started_at).total_seconds())


def _print_error(console: Console, error: AttemptError, now: datetime) -> None:
    where = f" on {error.worker}" if error.worker else ""
    head = f"attempt {error.attempt}, {stamp(error.at, now)}{where}"
    print_facts(console, [(head, "")])
    text = (error.traceback or "").rstrip() or one_line(f"{error.type}: {error.message}")
    console.print(safe(text), style="red", soft_wrap=True)


def ending(job: Job, secret_keys: Sequence[str]) -> str:
    """How a job that was waited for has ended, in one line."""
    took = (
        "" if job.started_at is None or job.finished_at is None else (job.finished_at - job.started_at).total_seconds()
    )
    head = f"{safe(job.id)}  {job.state}" + (f" in {exact(took)}" if isinstance(took, float) else "")
    if job.state is State.COMPLETED:
        return head if job.result is None else f"{head}  {value_text(job.result, secret_keys)}"
    return f"{head}  {last_error(job)}".rstrip()
