"""Recording outcomes: jobs that are simply done in one lean statement, all others in another."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias, assert_never

from msgspec import structs

from jobq.drivers.postgres.connections import Connections
from jobq.drivers.postgres.rows import Receipt, receipt_of
from jobq.drivers.postgres.verbs import Done, Run, Told, Verbs
from jobq.jobs import (
    Cancelled,
    Completed,
    Failed,
    Note,
    Released,
    Retried,
    Settled,
    Settlement,
    Snoozed,
    Suspected,
)

NotDone: TypeAlias = Failed | Cancelled | Retried | Snoozed | Released | Suspected


def settle(connections: Connections, verbs: Verbs, worker: str, settlements: Sequence[Settlement]) -> list[Settled]:
    """Settle under the claims' tokens, all in one transaction; the answers in the order of `settlements`."""
    batch = _Batch(settlements)
    if not batch.told:
        # One statement is a transaction of its own, and saves the trips to begin and to commit.
        applied = connections.run(verbs.complete(batch.done, worker)) if batch.done else set()
    else:
        applied = connections.transact(lambda run: _settle(run, verbs, worker, batch))
    missing = batch.but(applied)
    if missing:
        applied |= connections.run(verbs.settled(missing))
    return [Settled.APPLIED if receipt_of(one.token) in applied else Settled.LOST for one in settlements]


def settle_within(run: Run, verbs: Verbs, settlement: Settlement) -> Settled:
    """Settle one claim within a transaction that is somebody else's."""
    batch = _Batch([settlement])
    applied = _settle(run, verbs, None, batch)
    missing = batch.but(applied)
    return Settled.APPLIED if applied or (missing and run(verbs.settled(missing))) else Settled.LOST


def annotate(connections: Connections, verbs: Verbs, notes: Sequence[Note]) -> None:
    """Keep notes; what a later one of the same claim leaves out is taken from the ones before."""
    merged: dict[Receipt, Note] = {}
    for note in notes:
        receipt = receipt_of(note.token)
        if receipt is not None:
            merged[receipt] = _merged(merged[receipt], note) if receipt in merged else note
    if merged:
        connections.run(verbs.annotate(dict(sorted(merged.items(), key=_receipt_in))))


class _Batch:
    """Settlements as their statements take them: jobs that are simply done, and all others; each claim once.

    By the places of the jobs, in which order everybody locks them, so that nobody waits in a circle.
    """

    def __init__(self, settlements: Sequence[Settlement]) -> None:
        self.ids: dict[Receipt, str] = {}
        self.done: list[Done] = []
        self.told: list[Told] = []
        for one in settlements:
            receipt = receipt_of(one.token)
            if receipt is not None and receipt not in self.ids:
                self.ids[receipt] = one.id
                self._add(one, receipt)
        self.done.sort(key=_seq_of)
        self.told.sort(key=_seq_of)

    def but(self, applied: AbstractSet[Receipt]) -> dict[Receipt, str]:
        """Those that are not among these."""
        return {receipt: id for receipt, id in self.ids.items() if receipt not in applied}

    def _add(self, one: Settlement, receipt: Receipt) -> None:
        outcome = one.outcome
        if isinstance(outcome, Completed):
            self.done.append(Done(receipt[0], one.id, receipt[1], one.elapsed, outcome.result))
        else:
            self.told.append(_told(one, receipt, outcome))


def _settle(run: Run, verbs: Verbs, worker: str | None, batch: _Batch) -> set[Receipt]:
    applied: set[Receipt] = set()
    if batch.done:
        applied |= run(verbs.complete(batch.done, worker))
    if batch.told:
        applied |= run(verbs.settle(batch.told, worker))
    return applied


def _told(one: Settlement, receipt: Receipt, outcome: NotDone) -> Told:
    """What an outcome makes of a job."""
    seq, token = receipt
    claim = (seq, one.id, token, one.elapsed)
    match outcome:
        case Failed(error=error, reason=reason, crash=crash):
            return Told(*claim, state="failed", reason=reason, error=error, crash=int(crash))
        case Cancelled(reason=reason):
            return Told(*claim, state="cancelled", reason=reason)
        case Retried(error=error, delay=delay, crash=crash):
            return Told(*claim, state="retrying", delay=delay, error=error, crash=int(crash), alone=crash)
        case Snoozed(delay=delay):
            return Told(*claim, state="scheduled", delay=delay, taken_back=1, alone=False)
        case Released():
            return Told(*claim, state="pending", taken_back=1)
        case Suspected(error=error):
            return Told(*claim, state="pending", taken_back=1, error=error, crash=1, alone=True)
        case _:
            assert_never(outcome)


def _merged(first: Note, second: Note) -> Note:
    kept = first if second.percent is None else second
    return structs.replace(
        second, percent=kept.percent, message=kept.message, checkpoint=second.checkpoint or first.checkpoint
    )


def _seq_of(row: Done | Told) -> int:
    return row.seq


def _receipt_in(item: tuple[Receipt, Note]) -> Receipt:
    return item[0]
