"""Storing new jobs, on this driver's connection or on the caller's.

Jobs without a unique key and without an id of the caller's are one statement, however many they are. The others
first take their keys, in the same transaction; ids that callers chose are keys too, under the empty name, because
two tables cannot share a unique index. Then each job is either new, or stands for one that is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import psycopg
from msgspec import structs

from jobq.drivers.postgres.connections import Connection, Runner
from jobq.drivers.postgres.errors import translated
from jobq.drivers.postgres.verbs import Key, Run, Verbs
from jobq.errors import Conflict, InvalidValue, TryAgain
from jobq.jobs import Inserted, NewJob

_ATTEMPTS = 10


@contextmanager
def joined(connection: object) -> Iterator[Runner]:
    """What is done here stands or falls with the caller's transaction, and by itself is done whole or not at all.

    Nothing is committed. A connection that opens its transactions by itself (the default) gets one. Raises
    `InvalidValue` for anything but a `psycopg.Connection` that is or will be in a transaction.
    """
    caller = _checked(connection)
    run = Runner(caller)
    with translated():
        caller.execute("SAVEPOINT jobq_joined")
        try:
            yield run
        except BaseException:
            if not caller.closed:
                caller.execute("ROLLBACK TO SAVEPOINT jobq_joined")
                caller.execute("RELEASE SAVEPOINT jobq_joined")
            raise
        caller.execute("RELEASE SAVEPOINT jobq_joined")


def is_plain(jobs: Iterable[NewJob]) -> bool:
    """Whether none of these jobs can be in another one's way."""
    return not any(job.given_id or job.unique_key is not None for job in jobs)


def insert_plain(run: Run, verbs: Verbs, jobs: Sequence[NewJob]) -> list[Inserted]:
    """Store jobs with ids of their own; one that is there already was sent twice, its reply being lost."""
    new = run(verbs.insert(jobs))
    return [Inserted(id=job.id, deduplicated=job.id not in new) for job in jobs]


def insert(run: Run, verbs: Verbs, jobs: Sequence[NewJob]) -> list[Inserted]:
    """Store jobs in a transaction that ends with this, or that is the caller's."""
    batch = _Batch(jobs)
    batch.meet(_take_keys(run, verbs, batch))
    answers = [batch.decide(job) for job in jobs]
    for id, job in batch.overwritten.items():
        if not run(verbs.overwrite(id, job)):
            batch.leave(id)
    if handed := batch.handed():
        run(verbs.hand_keys(handed))
    if batch.new:
        run(verbs.insert(list(batch.new.values())))
    return answers


class _Batch:
    """Jobs that are to be stored together, one after the other: who stands for whom."""

    def __init__(self, jobs: Sequence[NewJob]) -> None:
        self.wanted: dict[Key, NewJob] = {}
        for job in jobs:
            for key in _keys_of(job):
                self.wanted.setdefault(key, job)
        self.new: dict[str, NewJob] = {}
        self.overwritten: dict[str, NewJob] = {}
        self._owners: dict[Key, str] = {}
        self._foreign: frozenset[Key] = frozenset()

    def meet(self, holders: dict[Key, str]) -> None:
        """Who had these keys before."""
        self._owners |= holders
        self._foreign = frozenset(holders)

    def decide(self, job: NewJob) -> Inserted:
        """What becomes of the next job."""
        holder = next((self._owners[key] for key in _keys_of(job) if key in self._owners), None)
        if holder is None:
            self.new[job.id] = job
            self._owners.update(dict.fromkeys(_keys_of(job), job.id))
            return Inserted(id=job.id)
        if job.on_conflict == "raise":
            raise _conflict(job, holder)
        if job.on_conflict == "replace":
            self._replace(holder, job)
        return Inserted(id=holder, deduplicated=True)

    def leave(self, id: str) -> None:
        """This job did not let itself be overwritten, so it has no new unique key either."""
        key = _unique_key_of(self.overwritten[id])
        if key is not None and key not in self._foreign:
            self._owners.pop(key, None)

    def handed(self) -> dict[Key, str | None]:
        """For which job each key was taken in the end, where it is not the one that was first in line."""
        taken = {key: self._owners.get(key) for key, job in self.wanted.items() if key not in self._foreign}
        return {key: id for key, id in taken.items() if id != self.wanted[key].id}

    def _replace(self, holder: str, job: NewJob) -> None:
        """Overwrite what waits, unless its new unique key stands for yet another job."""
        key = _unique_key_of(job)
        if key is not None and self._owners.setdefault(key, holder) != holder:
            return
        old = self.new.get(holder)
        if old is None:
            self.overwritten[holder] = job
            return
        old_key = _unique_key_of(old)
        if old_key is not None and old_key != key:
            del self._owners[old_key]
        self.new[holder] = structs.replace(job, id=holder, given_id=old.given_id)


def _take_keys(run: Run, verbs: Verbs, batch: _Batch) -> dict[Key, str]:
    """Take the keys of a batch; who holds those that could not be had."""
    held: dict[Key, str] = {}
    missing = set(batch.wanted)
    for _ in range(_ATTEMPTS):
        jobs = {key: batch.wanted[key] for key in missing}
        missing -= run(verbs.take_keys((key, job.id, job.unique_for if key[0] else None) for key, job in jobs.items()))
        if not missing:
            return held | _kept_ids(run, verbs, {key for key in batch.wanted if not key[0] and key not in held})
        holders = run(verbs.holders(missing))
        held |= {holder.key: holder.id for holder in holders if not holder.is_over}
        missing -= set(held)
        run(verbs.drop_old_keys(missing))
    raise TryAgain("the unique keys of these jobs change hands all the time", hint="try again in a moment")


def _kept_ids(run: Run, verbs: Verbs, free: set[Key]) -> dict[Key, str]:
    """Ids that callers chose and nobody holds as such, but which were made for jobs that are kept."""
    ids = [key[1] for key in free]
    if not ids:
        return {}
    return {("", id): id for id in [*run(verbs.live_ids(ids)), *run(verbs.ended_ids(ids))]}


def _keys_of(job: NewJob) -> list[Key]:
    """What only one job can have; its id comes first."""
    unique = _unique_key_of(job)
    return [("", job.id)] * job.given_id + [unique] * (unique is not None)  # type: ignore[list-item]


def _unique_key_of(job: NewJob) -> Key | None:
    return None if job.unique_key is None else (job.name, job.unique_key)


def _conflict(job: NewJob, holder: str) -> Conflict:
    if job.given_id and holder == job.id:
        return Conflict(f"the id {job.id} is taken", hint="choose another id, or skip")
    return Conflict(
        f"the unique key {job.unique_key!r} of {job.name} is taken by job {holder}",
        hint="wait until that job has ended, or skip or replace it",
    )


def _checked(connection: object) -> Connection:
    if not isinstance(connection, psycopg.Connection):
        raise InvalidValue(
            f"connection= is a {type(connection).__name__}", hint="pass the psycopg.Connection to take part in"
        )
    if connection.autocommit and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
        raise InvalidValue("connection= has no open transaction to join", hint="BEGIN first, or leave connection= out")
    return connection
