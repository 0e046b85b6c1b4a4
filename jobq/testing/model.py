"""A second, simpler reading of the contract: every job in one list, every question answered by looking at them all.

It shares no code with any driver, nor with `jobq.rotation`. Where the contract fixes an answer the model gives it;
where it leaves one open (which key begins a round) the model *checks* the driver's answer instead of predicting it,
and goes on from there. So it is asked differently from a driver: `hand_out` takes what the driver handed out and
raises an assertion error when that was not allowed; `settle` says which answers would have been right.

Instants are the driver's: the model knows only between which two a thing was done, checks that the driver's answer
lies there, and adopts it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from copy import deepcopy
from datetime import datetime
from typing import assert_never

from msgspec import structs

from jobq.drivers.protocol import Claimed, Demand
from jobq.errors import Conflict
from jobq.jobs import (
    FINAL,
    Cancelled,
    Claim,
    Command,
    Completed,
    Failed,
    Inserted,
    Job,
    NewJob,
    Note,
    Outcome,
    Released,
    Retried,
    Settled,
    Settlement,
    Snoozed,
    State,
    Suspected,
)
from jobq.testing.entry import Entry, Moment
from jobq.testing.turns import Turns


class Model:
    """The jobs, the live sessions with their inboxes, and whose turn it was."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.inboxes: dict[str, list[Command]] = {}
        self.turns: dict[str, Turns] = {}
        self._places = 0

    def entry(self, job_id: str) -> Entry | None:
        """The job of that id."""
        return next((entry for entry in self.entries if entry.new.id == job_id), None)

    def insert(self, jobs: Sequence[NewJob], moment: Moment) -> list[Inserted]:
        """Store them one after the other, or none of them; raises Conflict."""
        entries, places = deepcopy(self.entries), self._places
        try:
            return [self._insert(job, moment) for job in jobs]
        except Conflict:
            self.entries, self._places = entries, places
            raise

    def open(self, session: str) -> None:
        """A worker registers."""
        self.inboxes[session], self.turns[session] = [], Turns()

    def close(self, session: str) -> None:
        """A worker signs off."""
        self.inboxes.pop(session, None)

    def due(self, demand: Demand, now: datetime) -> list[Entry]:
        """What could be handed out."""
        wanted = {share.queue for share in demand.queues}
        return [
            entry
            for entry in self.entries
            if entry.is_due(now)
            and entry.new.name in demand.names
            and (not wanted or entry.new.queue in wanted)
            and entry.new.queue not in demand.exclude
        ]

    def hand_out(self, session: str, worker: str, demand: Demand, handed_out: Claimed, now: datetime) -> None:
        """Check what the driver handed out, and remember it.

        It may stop early, with something, when it says that there is more: `wait` is 0 then.
        """
        claims = handed_out.claims
        due = self.due(demand, now) if session in self.inboxes else []
        claimed = [entry for claim in claims for entry in due if entry.new.id == claim.id]
        assert len(claimed) == len(claims), "something was handed out that could not run"
        assert len({entry.new.id for entry in claimed}) == len(claims), "a job was handed out twice"
        stopped_early = bool(claims) and handed_out.wait == 0 and len(claims) < demand.limit
        assert stopped_early or len(claims) == min(demand.limit, len(due)), f"of {len(due)} due: {len(claims)}"
        if session in self.turns:
            self.turns[session].check(demand, due, claimed)
        for claim, entry in zip(claims, claimed, strict=True):
            _start(entry, claim, session, worker)

    def settle(self, settlement: Settlement, moment: Moment) -> set[Settled]:
        """Record it if it is the current claim's; which answers are right."""
        entry = self.entry(settlement.id)
        if entry is None or settlement.token in entry.older:
            return {Settled.APPLIED, Settled.LOST}
        if settlement.token == entry.settled:
            return {Settled.APPLIED}
        if settlement.token != entry.token:
            return {Settled.LOST}
        if entry.settled is not None:
            entry.older.add(entry.settled)
        entry.settled, entry.token, entry.session = entry.token, None, None
        self._apply(entry, settlement.outcome, moment)
        return {Settled.APPLIED}

    def annotate(self, note: Note) -> None:
        """Keep a note of the current claim."""
        entry = self.entry(note.id)
        if entry is None or entry.token != note.token:
            return
        entry.percent = entry.percent if note.percent is None else note.percent
        entry.checkpoint = entry.checkpoint if note.checkpoint is None else note.checkpoint

    def cancel(self, ids: Sequence[str], *, kill: bool, reason: str | None) -> list[str]:
        """Which of them were cancelled or asked to be."""
        changed = [entry for entry in map(self.entry, ids) if entry is not None and entry.state not in FINAL]
        for entry in changed:
            if entry.state is State.RUNNING:
                entry.cancel_requested, entry.cancel_reason = True, reason
                command = Command(kind="kill" if kill else "cancel", job_id=entry.new.id, reason=reason)
                self.inboxes.get(entry.session or "", []).append(command)
            else:
                entry.state, entry.reason = State.CANCELLED, reason
        return [entry.new.id for entry in changed]

    def retry(self, ids: Sequence[str], delay: float, moment: Moment) -> list[str]:
        """Which of them came back in line."""
        return [job_id for job_id in ids if self._retry(self.entry(job_id), delay, moment)]

    def delete(self, ids: Sequence[str]) -> list[str]:
        """Which of them were forgotten."""
        gone = [entry for entry in map(self.entry, ids) if entry is not None and entry.state is not State.RUNNING]
        self.entries = [entry for entry in self.entries if entry not in gone]
        return [entry.new.id for entry in gone]

    def rescue(self, max_losses: int) -> int:
        """How many jobs of sessions that have gone were taken back."""
        lost = [e for e in self.entries if e.state is State.RUNNING and e.session not in self.inboxes]
        for entry in lost:
            entry.errors.append((entry.attempt, "WorkerLost"))
            entry.attempt, entry.losses, entry.token, entry.session = entry.attempt - 1, entry.losses + 1, None, None
            if entry.losses > max_losses:
                entry.state, entry.reason = State.FAILED, "lost"
            else:
                entry.line_up(State.PENDING, entry.run_at)
        return len(lost)

    def expire(self) -> int:
        """How many waiting jobs were cancelled because their time was over."""
        late = [entry for entry in self.entries if entry.waits and entry.expired]
        for entry in late:
            entry.state, entry.reason = State.CANCELLED, "expired"
        return len(late)

    def prune(self, states: Collection[str], limit: int, kept: Collection[str]) -> int:
        """How many finished jobs were deleted; `kept` are the ids that the driver has left, which it may choose."""
        old = [e for e in self.entries if e.state in FINAL and e.state in states and e.new.unique_for is None]
        gone = [entry for entry in old if entry.new.id not in kept]
        assert len(gone) == min(limit, len(old)), "too many or too few were pruned"
        self.entries = [entry for entry in self.entries if entry not in gone]
        return len(gone)

    def compare(self, jobs: Sequence[Job], now: datetime) -> None:
        """Check that the driver's jobs, newest first, are these; adopt its instants."""
        assert [job.id for job in jobs] == [entry.new.id for entry in reversed(self.entries)]
        for job, entry in zip(jobs, reversed(self.entries), strict=True):
            entry.compare(job, now)

    def counts(self, now: datetime) -> dict[tuple[str, State], int]:
        """How many jobs are in which state, by queue."""
        return dict(Counter((entry.new.queue, entry.state_at(now)) for entry in self.entries))

    def _holder(self, job: NewJob, but: Entry | None = None) -> Entry | None:
        others = [entry for entry in self.entries if entry is not but]
        same_id = [entry for entry in others if job.given_id and entry.new.id == job.id]
        return next(iter(same_id + [entry for entry in others if entry.holds(job.name, job.unique_key)]), None)

    def _insert(self, job: NewJob, moment: Moment) -> Inserted:
        holder = self._holder(job)
        if holder is None:
            self._places += 1
            self.entries.append(_new_entry(job, self._places, moment))
            return Inserted(id=job.id)
        if job.on_conflict == "raise":
            raise Conflict(f"{holder.new.id} is there")
        if job.on_conflict == "replace" and holder.waits:
            fresh = _new_entry(structs.replace(job, id=holder.new.id), holder.place, moment)
            fresh.errors, fresh.older = holder.errors, holder.older | {holder.settled or ""}
            self.entries[self.entries.index(holder)] = fresh
        return Inserted(id=holder.new.id, deduplicated=True)

    def _retry(self, entry: Entry | None, delay: float, moment: Moment) -> bool:
        if entry is None or entry.state not in {State.FAILED, State.CANCELLED, State.RETRYING, State.SCHEDULED}:
            return False
        if entry.state in FINAL:
            if self._holder(structs.replace(entry.new, given_id=False), but=entry) is not None:
                return False
            entry.rounds += 1
        entry.crashes, entry.losses, entry.alone, entry.expired = 0, 0, False, False
        entry.cancel_requested, entry.cancel_reason, entry.reason, entry.worker = False, None, None, None
        entry.older, entry.settled = entry.older | {entry.settled or ""}, None
        entry.state, entry.run_at = State.SCHEDULED if delay > 0 else State.PENDING, moment.later(delay)
        return True

    def _apply(self, entry: Entry, outcome: Outcome, moment: Moment) -> None:
        match outcome:
            case Completed(result=result):
                entry.state, entry.result = State.COMPLETED, result
            case Cancelled(reason=reason):
                entry.state, entry.reason = State.CANCELLED, reason or entry.cancel_reason
            case Failed(error=error, reason=reason, crash=crash):
                entry.errors.append((entry.attempt, error.type))
                entry.state, entry.reason, entry.crashes = State.FAILED, reason, entry.crashes + crash
            case Retried(error=error, delay=delay, crash=crash):
                entry.errors.append((entry.attempt, error.type))
                entry.crashes, entry.alone = entry.crashes + crash, crash
                entry.line_up(State.RETRYING, moment.later(delay))
            case Snoozed(delay=delay):
                entry.attempt, entry.alone = entry.attempt - 1, False
                entry.line_up(State.SCHEDULED, moment.later(delay))
            case Released():
                entry.attempt -= 1
                entry.line_up(State.PENDING, entry.run_at)
            case Suspected(error=error):
                entry.errors.append((entry.attempt, error.type))
                entry.attempt, entry.crashes, entry.alone = entry.attempt - 1, entry.crashes + 1, True
                entry.line_up(State.PENDING, entry.run_at)
            case _:
                assert_never(outcome)


def _new_entry(job: NewJob, place: int, moment: Moment) -> Entry:
    run_at = Moment(job.run_at, job.run_at) if job.run_at is not None else moment.later(job.delay)
    state = State.SCHEDULED if run_at.before > moment.after else State.PENDING
    return Entry(new=job, place=place, state=state, run_at=run_at, expired=job.expires_in == 0)


def _start(entry: Entry, claim: Claim, session: str, worker: str) -> None:
    entry.attempt, entry.state, entry.session, entry.worker = entry.attempt + 1, State.RUNNING, session, worker
    assert claim.token not in {entry.token, entry.settled, *entry.older}, "a token was given out twice"
    entry.token = claim.token
    given = (claim.attempt, claim.crashes, claim.losses, claim.rounds, claim.alone, claim.checkpoint, claim.payload)
    expected = (entry.attempt, entry.crashes, entry.losses, entry.rounds, entry.alone, entry.checkpoint)
    assert given == (*expected, entry.new.payload)
