"""Storing new jobs, on this driver's connection or on the caller's.

Jobs without a unique key and without an id of the caller's are one statement, however many they are. The others
first take their keys, in the same transaction. Then each job is either new, or stands for one that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg
from msgspec import structs

from jobq.drivers.postgres.connections import Connection, Runner
from jobq.drivers.postgres.errors import translated
from jobq.drivers.postgres.verbs import Key, Run, Verbs
from jobq.errors import Conflict, InvalidValue, TryAgain
from jobq.jobs import Inserted, NewJob

Act = Callable[[Runner], list[Inserted]]

_ATTEMPTS = 10


@contextmanager
def joined(connection: object) -> Iterator[Runner]:
    """What is done here stands or falls with the caller's transaction, and by itself is done whole or not at all.

    Nothing is committed. A connection that opens its transactions by itself (the default) gets one. Raises
    `InvalidValue` for anything but a `psycopg.Connection` that is or will be in a transaction.
    """
    caller = _checked(connection)
    with translated():
        caller.execute("SAVEPOINT jobq_joined")
        try:
            yield Runner(caller)
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


def insert(transact: Callable[[Act], list[Inserted]], verbs: Verbs, jobs: Sequence[NewJob]) -> list[Inserted]:
    """Store any jobs in a transaction, or in a part of the caller's; again if somebody else was faster."""
    for _ in range(_ATTEMPTS):
        try:
            return transact(lambda run: _insert(run, verbs, jobs))
        except _TooLate:
            continue
    raise TryAgain("the ids of these jobs are being taken by others", hint="try again in a moment")


class _TooLate(Exception):
    """Somebody has taken an id that was free a moment ago."""


def _insert(run: Run, verbs: Verbs, jobs: Sequence[NewJob]) -> list[Inserted]:
    batch = _Batch(jobs)
    given = [job.id for job in jobs if job.given_id]
    batch.meet(_take_keys(run, verbs, batch.wanted), run(verbs.taken_ids(given)) if given else [])
    answers = [batch.decide(job) for job in jobs]
    if handed := batch.handed():
        run(verbs.hand_keys(handed))
    unkept = [id for id, job in batch.overwritten.items() if not run(verbs.overwrite(id, job))]
    stored = run(verbs.insert(list(batch.new.values()))) if batch.new else set()
    missed = batch.new.keys() - stored
    if missed or unkept:
        run(verbs.hand_keys(dict.fromkeys(batch.keys_of(unkept, missed))))
    return [structs.replace(answer, deduplicated=True) if answer.id in missed else answer for answer in answers]


class _Batch:
    """Jobs that are to be stored together, one after the other: who stands for whom."""

    def __init__(self, jobs: Sequence[NewJob]) -> None:
        self.wanted: dict[Key, NewJob] = {}
        for job in jobs:
            if (key := _key_of(job)) is not None:
                self.wanted.setdefault(key, job)
        self.new: dict[str, NewJob] = {}
        self.overwritten: dict[str, NewJob] = {}
        self._owners: dict[Key, str] = {}
        self._foreign: frozenset[Key] = frozenset()
        self._taken: set[str] = set()

    def meet(self, holders: Mapping[Key, str], ids: Iterable[str]) -> None:
        """Who had these keys before, and which ids were taken."""
        self._owners.update(holders)
        self._foreign = frozenset(holders)
        self._taken.update(ids)

    def decide(self, job: NewJob) -> Inserted:
        """What becomes of the next job."""
        holder = self._holder(job)
        if holder is None:
            self._add(job)
            return Inserted(id=job.id)
        was_sent_twice = holder == job.id and not job.given_id
        if job.on_conflict == "raise" and not was_sent_twice:
            raise _conflict(job, holder)
        if job.on_conflict == "replace" and not was_sent_twice:
            self._replace(holder, job)
        return Inserted(id=holder, deduplicated=True)

    def keys_of(self, unkept: Iterable[str], missed: Iterable[str]) -> list[Key]:
        """Keys to be given back: of running jobs that were to be overwritten, and of jobs that were sent twice."""
        jobs = [self.overwritten[id] for id in unkept]
        for id in missed:
            if self.new[id].given_id:
                raise _TooLate
            jobs.append(self.new[id])
        return [key for job in jobs if (key := _key_of(job)) is not None and key not in self._foreign]

    def handed(self) -> dict[Key, str | None]:
        """For which job each key was taken in the end, where it is not the one that was first in line."""
        taken = {key: self._owners.get(key) for key in self.wanted if key not in self._foreign}
        return {key: id for key, id in taken.items() if id != self.wanted[key].id}

    def _holder(self, job: NewJob) -> str | None:
        """The job that already stands for this one."""
        if job.given_id and (job.id in self._taken or job.id in self.new):
            return job.id
        key = _key_of(job)
        return None if key is None else self._owners.get(key)

    def _add(self, job: NewJob) -> None:
        self.new[job.id] = job
        if (key := _key_of(job)) is not None:
            self._owners[key] = job.id

    def _replace(self, holder: str, job: NewJob) -> None:
        """Overwrite what waits, unless its new unique key stands for yet another job."""
        key = _key_of(job)
        if key is not None and self._owners.setdefault(key, holder) != holder:
            return
        if (old := self.new.get(holder)) is None:
            self.overwritten[holder] = job
            return
        old_key = _key_of(old)
        if old_key is not None and old_key != key:
            del self._owners[old_key]
        self.new[holder] = structs.replace(job, id=holder, given_id=old.given_id)


def _take_keys(run: Run, verbs: Verbs, wanted: Mapping[Key, NewJob]) -> dict[Key, str]:
    """Take the keys of a batch; who holds those that could not be had."""
    held: dict[Key, str] = {}
    missing = set(wanted)
    for _ in range(_ATTEMPTS):
        if not missing:
            return held
        missing -= run(verbs.take_keys((key, wanted[key].id, wanted[key].unique_for) for key in missing))
        if missing:
            holders = run(verbs.holders(missing))
            held |= {holder.key: holder.id for holder in holders if not holder.is_over}
            missing -= set(held)
            run(verbs.drop_old_keys(missing))
    raise TryAgain("the unique keys of these jobs change hands all the time", hint="try again in a moment")


def _key_of(job: NewJob) -> Key | None:
    return None if job.unique_key is None else (job.name, job.unique_key)


def _conflict(job: NewJob, holder: str) -> Conflict:
    if holder == job.id:
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
