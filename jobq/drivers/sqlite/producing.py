"""Storing new jobs: who stands in the way of whom, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Row
from typing import Any

from jobq.drivers.sqlite.books import Books
from jobq.drivers.sqlite.rows import text_of_tags
from jobq.drivers.sqlite.times import later, ticks_of
from jobq.errors import Conflict
from jobq.jobs import Inserted, NewJob, State
from jobq.rotation import Lane

_REPLACEABLE = frozenset({State.SCHEDULED, State.PENDING, State.RETRYING, State.BLOCKED})


def insert(books: Books, jobs: Sequence[NewJob]) -> list[Inserted]:
    """Store jobs one after the other; whoever calls makes it all or nothing when one of them is a `Conflict`."""
    lanes: dict[Lane, int] = {}
    return [_insert(books, job, lanes) for job in jobs]


def _insert(books: Books, job: NewJob, lanes: dict[Lane, int]) -> Inserted:
    holder = _holder(books, job)
    if holder is None:
        _store(books, job, lanes)
        return Inserted(id=job.id)
    if _is_the_same(holder, job):
        return Inserted(id=job.id, deduplicated=True)
    if job.on_conflict == "raise":
        raise _conflict(job, holder)
    if job.on_conflict == "replace" and holder["state"] in _REPLACEABLE:
        _replace(books, holder, job, lanes)
    return Inserted(id=holder["id"], deduplicated=True)


def _holder(books: Books, job: NewJob) -> Row | None:
    """The job that already stands for this one."""
    known = books.one(books.sql.holder_of_id, {"id": job.id})
    if known is None and job.unique_key is not None:
        return books.one(books.sql.holder_of_key, {"name": job.name, "key": job.unique_key, "now": books.now})
    return known


def _is_the_same(holder: Row, job: NewJob) -> bool:
    """An id that was made for this job alone is there only when the job was sent twice, its reply being lost."""
    return holder["id"] == job.id and not job.given_id


def _conflict(job: NewJob, holder: Row) -> Conflict:
    if holder["id"] == job.id:
        return Conflict(f"the id {job.id} is taken by a {holder['state']} job", hint="choose another id, or skip")
    return Conflict(
        f"the unique key {job.unique_key!r} of {job.name} is taken by job {holder['id']}",
        hint="wait until that job has ended, or skip or replace it",
    )


def _store(books: Books, job: NewJob, lanes: dict[Lane, int]) -> None:
    books.run(books.sql.insert, {**_columns(books, job, lanes), "id": job.id})
    _take_key(books, job, books.last_number(), books.now)


def _replace(books: Books, holder: Row, job: NewJob, lanes: dict[Lane, int]) -> None:
    """Overwrite what waits, unless its new unique key stands for yet another job."""
    if not _take_key(books, job, holder["seq"], holder["created_at"]):
        return
    if (holder["name"], holder["unique_key"]) != (job.name, job.unique_key):
        books.drop_key(holder)
    books.run(books.sql.overwrite, {**_columns(books, job, lanes), "seq": holder["seq"]})


def _take_key(books: Books, job: NewJob, seq: int, created_at: int) -> bool:
    if job.unique_key is None:
        return True
    return books.take_key(job=seq, name=job.name, key=job.unique_key, unique_for=job.unique_for, created_at=created_at)


def _columns(books: Books, job: NewJob, lanes: dict[Lane, int]) -> dict[str, Any]:
    now = books.now
    run_at = later(now, job.delay) if job.run_at is None else ticks_of(job.run_at)
    lane = Lane(job.queue, job.priority, job.name, job.partition_key)
    if lane not in lanes:
        lanes[lane] = books.lane_of(lane)
    return {
        "lane": lanes[lane],
        "name": job.name,
        "queue": job.queue,
        "priority": job.priority,
        "partition_key": job.partition_key,
        "state": State.SCHEDULED if run_at > now else State.PENDING,
        "run_at": run_at,
        "payload": job.payload,
        "metadata": job.metadata,
        "tags": text_of_tags(job.tags),
        "max_attempts": job.max_attempts,
        "max_crashes": job.max_crashes,
        "timeout": job.timeout,
        "backoff": job.backoff,
        "unique_key": job.unique_key,
        "unique_for": job.unique_for,
        "keep_completed": job.keep_completed,
        "keep_failed": job.keep_failed,
        "schedule": job.schedule,
        "expires_at": None if job.expires_in is None else later(now, job.expires_in),
        "now": now,
    }
