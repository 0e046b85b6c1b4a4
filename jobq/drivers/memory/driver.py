"""The required verbs over a table of records."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, assert_never

from msgspec import structs

from jobq.drivers.memory.facets import MemoryFacets
from jobq.drivers.memory.records import Record
from jobq.drivers.memory.sessions import MemorySession
from jobq.drivers.protocol import Capabilities, Claimed, Demand, Session
from jobq.errors import Conflict, Unsupported
from jobq.jobs import (
    WAITING,
    Cancelled,
    Claim,
    Command,
    Completed,
    Failed,
    HandlerInfo,
    Inserted,
    NewJob,
    Note,
    Outcome,
    Progress,
    Released,
    Retried,
    SessionInfo,
    SessionState,
    Settled,
    Settlement,
    Snoozed,
    State,
    Suspected,
)
from jobq.rotation import Lane, Turn, interleave


def utc_now() -> datetime:
    """The clock of this store, unless a test brings its own."""
    return datetime.now(UTC)


class MemoryDriver(MemoryFacets):
    """A store in this process. `clock` returns an aware UTC instant; tests may pass one that they can turn."""

    capabilities = Capabilities(name="memory", durable=False, shared=False)

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._records: dict[str, Record] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._lanes: dict[Lane, list[tuple[datetime, int, str]]] = {}
        self._sessions: dict[str, MemorySession] = {}
        self._handlers: dict[str, HandlerInfo] = {}
        self._wakers: list[Callable[[], None]] = []
        self._seq = count(1)
        self._tokens = count(1)

    def close(self) -> None:
        self._wakers.clear()

    def insert(self, jobs: Sequence[NewJob], *, connection: Any = None) -> list[Inserted]:
        if connection is not None:
            raise Unsupported(
                "the memory store has no transactions to join", hint="leave connection= out, or use Postgres or SQLite"
            )
        with self._lock:
            self._refuse_conflicts(jobs)
            inserted = [self._insert(job) for job in jobs]
        self._wake()
        return inserted

    def open_session(self, info: SessionInfo, *, lease: float) -> MemorySession:
        with self._lock:
            now = self._clock()
            session = MemorySession(info, lease=lease, started_at=now, lease_until=now + timedelta(seconds=lease))
            self._sessions[info.id] = session
            self._handlers.update({handler.name: handler for handler in info.handlers})
            return session

    def close_session(self, session: Session) -> None:
        with self._lock:
            self._sessions.pop(session.id, None)

    def extend(self, session: Session, claims: Collection[str] = ()) -> bool:
        with self._lock:
            known = self._alive(session)
            if known is None:
                return False
            known.lease_until = self._clock() + timedelta(seconds=known.lease)
            return True

    def describe(self, session: Session, state: SessionState, processes: int) -> None:
        with self._lock:
            if (known := self._alive(session)) is not None:
                known.state, known.processes = state, processes

    def claim(self, session: Session, demand: Demand) -> Claimed:
        with self._lock:
            now = self._clock()
            known = self._alive(session)
            if known is None:
                return Claimed(claims=())
            rotation = known.rotation_for(demand)
            for lane in self._lanes:
                if rotation.accepts(lane):
                    rotation.add(lane)
            claims: list[Claim] = []
            while len(claims) < demand.limit and (course := rotation.course(demand.limit - len(claims))):
                columns = []
                for turn in course:
                    taken = self._take(turn, known, now)
                    columns.append(taken)
                    if len(taken) < turn.take:
                        for lane in turn.lanes:
                            rotation.discard(lane)
                claims += interleave(columns)
            return Claimed(claims=tuple(claims), wait=self._next_due(rotation.accepts, now))

    def settle(self, session: Session, settlements: Sequence[Settlement]) -> list[Settled]:
        with self._lock:
            settled = [self._settle(settlement) for settlement in settlements]
        self._wake()
        return settled

    def inbox(self, session: Session) -> list[Command]:
        with self._lock:
            known = self._alive(session)
            if known is None:
                return []
            taken, known.inbox = known.inbox, []
            return taken

    def annotate(self, session: Session, notes: Sequence[Note]) -> None:
        with self._lock:
            for note in notes:
                record = self._records.get(note.id)
                if record is None or record.token != note.token:
                    continue
                if note.percent is not None:
                    record.progress = Progress(percent=note.percent, message=note.message)
                if note.checkpoint is not None:
                    record.checkpoint = note.checkpoint

    @contextmanager
    def listen(self, wake: Callable[[], None]) -> Iterator[None]:
        self._wakers.append(wake)
        try:
            yield
        finally:
            if wake in self._wakers:
                self._wakers.remove(wake)

    def _alive(self, session: Session) -> MemorySession | None:
        """What this store knows of a session; None once it has signed off or was lost."""
        known = self._sessions.get(session.id)
        return None if known is None or known.state is SessionState.LOST else known

    def _wake(self) -> None:
        for wake in tuple(self._wakers):
            wake()

    def _refuse_conflicts(self, jobs: Sequence[NewJob]) -> None:
        """Look before anything is stored, so that a batch is all or nothing."""
        seen: set[str] = set()
        for job in jobs:
            holder = self._holder(job)
            clash = holder is not None or bool(seen.intersection(_keys_of(job)))
            if clash and job.on_conflict == "raise":
                raise _conflict(job, holder)
            seen.update(_keys_of(job))

    def _holder(self, job: NewJob) -> Record | None:
        """The job that already stands for this one."""
        if job.given_id and job.id in self._records:
            return self._records[job.id]
        if job.unique_key is None:
            return None
        record = self._records.get(self._keys.get((job.name, job.unique_key), ""))
        return record if record is not None and record.holds_key_at(self._clock()) else None

    def _insert(self, job: NewJob) -> Inserted:
        now = self._clock()
        holder = self._holder(job)
        if holder is not None:
            if job.on_conflict == "replace" and holder.state in WAITING | {State.BLOCKED}:
                self._replace(holder, job, now)
            return Inserted(id=holder.id, deduplicated=True)
        record = Record(
            new=job,
            seq=next(self._seq),
            created_at=now,
            updated_at=now,
            run_at=_run_at(job, now),
            state=_first_state(job, now),
            expires_at=None if job.expires_in is None else now + timedelta(seconds=job.expires_in),
        )
        self._records[job.id] = record
        if job.unique_key is not None:
            self._keys[(job.name, job.unique_key)] = job.id
        self._line_up(record)
        return Inserted(id=job.id)

    def _replace(self, record: Record, job: NewJob, now: datetime) -> None:
        """Overwrite what waits, unless its new unique key stands for yet another job."""
        old = (record.new.name, record.new.unique_key)
        if not self._take_key(record, job, now):
            return
        if old != (job.name, job.unique_key):
            self._free_key(record)
        self._overwrite(record, job, now)

    def _overwrite(self, record: Record, job: NewJob, now: datetime) -> None:
        """Keep who it is, its age and its history; everything else starts over."""
        record.new = structs.replace(job, id=record.id, given_id=record.new.given_id)
        record.run_at, record.state, record.updated_at = _run_at(job, now), _first_state(job, now), now
        record.expires_at = None if job.expires_in is None else now + timedelta(seconds=job.expires_in)
        record.attempt, record.crashes, record.losses, record.rounds, record.alone = 0, 0, 0, 0, False
        record.checkpoint = record.progress = None
        self._line_up(record)

    def _line_up(self, record: Record) -> None:
        heapq.heappush(self._lanes.setdefault(record.lane, []), (record.run_at, record.seq, record.id))

    def _take(self, turn: Turn, session: MemorySession, now: datetime) -> list[Claim]:
        """Start the oldest due jobs from lanes of one key."""
        taken: list[Claim] = []
        while len(taken) < turn.take:
            heads = [head for lane in turn.lanes if (head := self._head(lane)) is not None and head.run_at <= now]
            if not heads:
                break
            first = min(heads, key=lambda record: (record.run_at, record.seq))
            heapq.heappop(self._lanes[first.lane])
            taken.append(self._start(first, session, now))
        return taken

    def _head(self, lane: Lane) -> Record | None:
        """The first job of a lane that still waits there; entries that moved on are dropped on the way."""
        heap = self._lanes.get(lane, [])
        while heap:
            run_at, _, job_id = heap[0]
            record = self._records.get(job_id)
            here = record is not None and record.state in WAITING and (record.run_at, record.lane) == (run_at, lane)
            if here and not self._expired(record):
                return record
            heapq.heappop(heap)
        self._lanes.pop(lane, None)
        return None

    def _expired(self, record: Record | None) -> bool:
        return record is not None and record.expires_at is not None and record.expires_at <= self._clock()

    def _start(self, record: Record, session: MemorySession, now: datetime) -> Claim:
        record.state, record.session, record.worker = State.RUNNING, session.id, session.info.name
        record.token = str(next(self._tokens))
        record.attempt += 1
        record.started_at = record.updated_at = now
        return record.as_claim(record.token)

    def _next_due(self, accepts: Callable[[Lane], bool], now: datetime) -> float | None:
        heads = [head.run_at for lane in tuple(self._lanes) if accepts(lane) and (head := self._head(lane))]
        return max(0.0, (min(heads) - now).total_seconds()) if heads else None

    def _settle(self, settlement: Settlement) -> Settled:
        record = self._records.get(settlement.id)
        if record is None or record.token != settlement.token:
            repeated = record is not None and record.settled_token == settlement.token
            return Settled.APPLIED if repeated else Settled.LOST
        now = self._clock()
        record.started_at = now - timedelta(seconds=settlement.elapsed)
        record.settled_token = settlement.token
        self._apply(record, settlement.outcome, now)
        return Settled.APPLIED

    def _apply(self, record: Record, outcome: Outcome, now: datetime) -> None:
        record.token, record.session, record.updated_at = None, None, now
        match outcome:
            case Completed(result=result):
                record.result = result
                self._finish(record, State.COMPLETED, None, now)
            case Failed(error=error, reason=reason, crash=crash):
                record.blame(error, now)
                record.crashes += crash
                self._finish(record, State.FAILED, reason, now)
            case Cancelled(reason=reason):
                self._finish(record, State.CANCELLED, reason or record.cancel_reason, now)
            case Retried(error=error, delay=delay, crash=crash):
                record.blame(error, now)
                record.crashes, record.alone = record.crashes + crash, crash
                self._back_in_line(record, State.RETRYING, now + timedelta(seconds=delay), now)
            case Snoozed(delay=delay):
                record.attempt, record.alone = record.attempt - 1, False
                self._back_in_line(record, State.SCHEDULED, now + timedelta(seconds=delay), now)
            case Released():
                record.attempt -= 1
                self._back_in_line(record, State.PENDING, record.run_at, now)
            case Suspected(error=error):
                record.blame(error, now)
                record.attempt, record.crashes, record.alone = record.attempt - 1, record.crashes + 1, True
                self._back_in_line(record, State.PENDING, record.run_at, now)
            case _:
                assert_never(outcome)

    def _back_in_line(self, record: Record, state: State, run_at: datetime, now: datetime) -> None:
        """Wait again, unless somebody has asked meanwhile that it should not."""
        if record.cancel_requested:
            self._finish(record, State.CANCELLED, record.cancel_reason, now)
            return
        record.state, record.run_at, record.started_at, record.worker = state, run_at, None, None
        self._line_up(record)

    def _finish(self, record: Record, state: State, reason: str | None, now: datetime) -> None:
        record.state, record.reason, record.finished_at, record.updated_at = state, reason, now, now
        if record.new.unique_key is not None and record.new.unique_for is None:
            self._free_key(record)

    def _free_key(self, record: Record) -> None:
        key = (record.new.name, record.new.unique_key or "")
        if self._keys.get(key) == record.id:
            del self._keys[key]


def _conflict(job: NewJob, holder: Record | None) -> Conflict:
    by_id = job.given_id and (holder is None or holder.id == job.id)
    what = f"the id {job.id}" if by_id else f"the unique key {job.unique_key!r} of {job.name}"
    by = f"by job {holder.id}" if holder else "by another job of the same batch"
    return Conflict(f"{what} is taken {by}", hint='on_conflict="skip" answers with the job that is there')


def _keys_of(job: NewJob) -> set[str]:
    ids = {f"id\0{job.id}"} if job.given_id else set()
    return ids if job.unique_key is None else ids | {f"{job.name}\0{job.unique_key}"}


def _run_at(job: NewJob, now: datetime) -> datetime:
    return job.run_at or now + timedelta(seconds=job.delay)


def _first_state(job: NewJob, now: datetime) -> State:
    return State.SCHEDULED if _run_at(job, now) > now else State.PENDING
