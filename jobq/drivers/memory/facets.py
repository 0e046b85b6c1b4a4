"""Looking at, operating on and maintaining what is in memory."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from jobq.drivers.memory.records import Record
from jobq.drivers.memory.sessions import MemorySession
from jobq.drivers.protocol import Migrator
from jobq.jobs import (
    FINAL,
    WAITING,
    Command,
    CommandKind,
    ErrorInfo,
    HandlerInfo,
    Job,
    JobFilter,
    NameStats,
    NewJob,
    Page,
    QueueCount,
    SessionState,
    SessionView,
    State,
)
from jobq.names import matches
from jobq.payload import decode


class MemoryFacets:
    """The optional side of the memory store; the verbs are in `driver`, which owns the tables."""

    _clock: Callable[[], datetime]
    _lock: threading.RLock
    _records: dict[str, Record]
    _sessions: dict[str, MemorySession]
    _handlers: dict[str, HandlerInfo]
    _keys: dict[tuple[str, str], str]

    @property
    def inspector(self) -> MemoryFacets:
        return self

    @property
    def operator(self) -> MemoryFacets:
        return self

    @property
    def maintainer(self) -> MemoryFacets:
        return self

    @property
    def migrator(self) -> Migrator | None:
        return None

    def now(self) -> datetime:
        return self._clock()

    def get(self, id: str) -> Job | None:
        with self._lock:
            record = self._records.get(id)
            return None if record is None else record.as_job(self._clock())

    def resolve(self, part: str) -> list[str]:
        with self._lock:
            found = [id for id in self._records if id.startswith(part) or id.endswith(part)]
            return [part] if part in self._records else found[:3]

    def find(self, where: JobFilter, *, limit: int, cursor: str | None = None, offset: int = 0) -> Page:
        with self._lock:
            now = self._clock()
            below = float("inf") if cursor is None else int(cursor)
            found = [r for r in self._records.values() if r.seq < below and _matches(r, where, now)]
            found.sort(key=lambda record: -record.seq)
            page = found[offset : offset + limit]
            more = len(found) > offset + limit
            items = tuple(record.as_job(now) for record in page)
            return Page(items=items, next_cursor=str(page[-1].seq) if more and page else None)

    def count(self, where: JobFilter) -> int:
        with self._lock:
            now = self._clock()
            return sum(_matches(record, where, now) for record in self._records.values())

    def counts(self) -> list[QueueCount]:
        with self._lock:
            now = self._clock()
            groups: dict[tuple[str, State], list[datetime]] = {}
            for record in self._records.values():
                groups.setdefault((record.new.queue, record.state_at(now)), []).append(record.run_at)
            return [
                QueueCount(queue=queue, state=state, jobs=len(times), oldest=min(times))
                for (queue, state), times in sorted(groups.items())
            ]

    def sessions(self) -> list[SessionView]:
        with self._lock:
            running = Counter(r.session for r in self._records.values() if r.state is State.RUNNING)
            alive = [s for s in self._sessions.values() if s.state is not SessionState.LOST]
            return [session.as_view(running[session.id]) for session in alive if session.lease_until > self._clock()]

    def handlers(self) -> list[HandlerInfo]:
        with self._lock:
            return [self._handlers[name] for name in sorted(self._handlers)]

    def finished(self, window: float) -> list[NameStats]:
        with self._lock:
            since = self._clock() - timedelta(seconds=window)
            groups: dict[str, list[Record]] = {}
            for record in self._records.values():
                if record.finished_at is not None and record.finished_at >= since:
                    groups.setdefault(record.new.name, []).append(record)
            return [_stats(name, groups[name]) for name in sorted(groups)]

    def cancel(self, ids: Sequence[str], *, kill: bool = False, reason: str | None = None) -> list[str]:
        with self._lock:
            return [id for id in ids if self._cancel(id, "kill" if kill else "cancel", reason)]

    def retry(self, ids: Sequence[str], *, delay: float = 0.0) -> list[str]:
        with self._lock:
            changed = [id for id in ids if self._retry(id, delay)]
        self._wake()
        return changed

    def delete(self, ids: Sequence[str]) -> list[str]:
        with self._lock:
            gone = [id for id in ids if id in self._records and self._records[id].state is not State.RUNNING]
            for id in gone:
                self._forget(self._records[id])
            return gone

    def post(self, session: str, command: Command) -> bool:
        with self._lock:
            known = self._sessions.get(session)
            if known is None or known.state is SessionState.LOST:
                return False
            known.inbox.append(command)
        self._wake()
        return True

    def rescue(self, *, max_losses: int = 20) -> int:
        with self._lock:
            now = self._clock()
            for session in self._sessions.values():
                if session.lease_until <= now:
                    session.state = SessionState.LOST
            lost = [record for record in self._records.values() if self._is_orphan(record)]
            for record in lost:
                self._rescue(record, max_losses, now)
        if lost:
            self._wake()
        return len(lost)

    def expire(self) -> int:
        with self._lock:
            now = self._clock()
            late = [
                r
                for r in self._records.values()
                if r.state in WAITING and r.expires_at is not None and r.expires_at <= now
            ]
            for record in late:
                self._finish(record, State.CANCELLED, "expired", now)
            return len(late)

    def prune(self, *, ages: dict[str, float], limit: int = 1000) -> int:
        with self._lock:
            now = self._clock()
            old = [
                record
                for record in self._records.values()
                if record.finished_at is not None
                and record.state in ages
                and record.finished_at <= now - timedelta(seconds=ages[record.state])
                and not (record.new.unique_for is not None and record.holds_key_at(now))
            ]
            for record in old[:limit]:
                self._forget(record)
            return len(old[:limit])

    def _cancel(self, id: str, kind: CommandKind, reason: str | None) -> bool:
        record = self._records.get(id)
        if record is None or record.state in FINAL:
            return False
        if record.state is not State.RUNNING:
            self._finish(record, State.CANCELLED, reason, self._clock())
            return True
        record.cancel_requested, record.cancel_reason = True, reason
        self.post(record.session or "", Command(kind=kind, job_id=id, reason=reason))
        return True

    def _retry(self, id: str, delay: float) -> bool:
        record = self._records.get(id)
        if record is None or record.state not in {State.FAILED, State.CANCELLED, State.RETRYING, State.SCHEDULED}:
            return False
        now = self._clock()
        if record.state in FINAL:
            if not self._take_key(record, record.new, now):
                return False
            record.rounds += 1
        record.state = State.SCHEDULED if delay > 0 else State.PENDING
        record.run_at, record.updated_at = now + timedelta(seconds=delay), now
        record.crashes, record.losses, record.alone, record.cancel_requested = 0, 0, False, False
        record.finished_at = record.started_at = record.expires_at = None
        record.reason = record.cancel_reason = record.worker = None
        self._line_up(record)
        return True

    def _take_key(self, record: Record, job: NewJob, now: datetime) -> bool:
        """Let the record hold the unique key that `job` asks for; False when another job holds it by now."""
        if job.unique_key is None:
            return True
        key = (job.name, job.unique_key)
        holder = self._records.get(self._keys.get(key, ""))
        if holder is not None and holder is not record and holder.holds_key_at(now):
            return False
        self._keys[key] = record.id
        return True

    def _is_orphan(self, record: Record) -> bool:
        if record.state is not State.RUNNING:
            return False
        session = self._sessions.get(record.session or "")
        return session is None or session.state is SessionState.LOST

    def _rescue(self, record: Record, max_losses: int, now: datetime) -> None:
        error = ErrorInfo(type="WorkerLost", message="the worker stopped renewing its lease")
        record.blame(error, now)
        record.losses, record.attempt = record.losses + 1, record.attempt - 1
        record.token, record.session, record.updated_at = None, None, now
        if record.losses > max_losses:
            self._finish(record, State.FAILED, "lost", now)
        else:
            self._back_in_line(record, State.PENDING, record.run_at, now)

    def _forget(self, record: Record) -> None:
        self._free_key(record)
        del self._records[record.id]

    # What the verbs provide.
    def _wake(self) -> None: ...
    def _line_up(self, record: Record) -> None: ...
    def _finish(self, record: Record, state: State, reason: str | None, now: datetime) -> None: ...
    def _back_in_line(self, record: Record, state: State, run_at: datetime, now: datetime) -> None: ...
    def _free_key(self, record: Record) -> None: ...


def _matches(record: Record, where: JobFilter, now: datetime) -> bool:
    new = record.new
    return (
        (not where.states or record.state_at(now) in where.states)
        and (not where.names or any(matches(glob, new.name) for glob in where.names))
        and (not where.queues or any(matches(glob, new.queue) for glob in where.queues))
        and (where.priority is None or where.priority == new.priority)
        and set(where.tags) <= set(new.tags)
        and (where.since is None or record.created_at >= where.since)
        and (where.until is None or record.created_at < where.until)
        and (where.error is None or any(where.error in f"{e.type}: {e.message}" for e in record.errors))
        and all(_payload_has(new.payload, path, value) for path, value in where.where)
    )


def _payload_has(payload: str, path: str, value: Any) -> bool:
    """Whether the payload has exactly this JSON value at this dotted path; list items are numbers."""
    here = decode(payload)
    for step in path.split("."):
        if isinstance(here, dict) and step in here:
            here = here[step]
        elif isinstance(here, list) and step.isdecimal() and int(step) < len(here):
            here = here[int(step)]
        else:
            return False
    return type(here) is type(value) and bool(here == value)


def _stats(name: str, records: Sequence[Record]) -> NameStats:
    ran = sorted((r.finished_at - r.started_at).total_seconds() for r in records if r.finished_at and r.started_at)
    states = Counter(record.state for record in records)
    return NameStats(
        name=name,
        completed=states[State.COMPLETED],
        failed=states[State.FAILED],
        cancelled=states[State.CANCELLED],
        average=sum(ran) / len(ran) if ran else None,
        p95=ran[int(0.95 * (len(ran) - 1))] if ran else None,
    )
