"""Recording outcomes: jobs that are simply done in one lean statement, all others in another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias, assert_never

from msgspec import structs

from jobq.drivers.postgres.connections import Connections
from jobq.drivers.postgres.verbs import ClaimId, Done, Run, Told, Verbs
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
    # By id, in which order everybody locks jobs, so that nobody waits in a circle; and each claim once.
    batch = sorted({_claim_of(one): one for one in reversed(settlements)}.values(), key=_claim_of)
    done, told = _sorted_out(batch)
    if not told:
        # One statement is a transaction of its own, and saves the trips to begin and to commit.
        applied = connections.run(verbs.complete(done, worker)) if done else set()
    else:
        applied = connections.transact(lambda run: _settle(run, verbs, worker, done, told))
    missing = [one for one in batch if _claim_of(one) not in applied]
    if missing:
        applied = applied | connections.run(verbs.settled(missing))
    return [Settled.APPLIED if _claim_of(one) in applied else Settled.LOST for one in settlements]


def settle_within(run: Run, verbs: Verbs, settlement: Settlement) -> Settled:
    """Settle one claim within a transaction that is somebody else's."""
    applied = _settle(run, verbs, None, *_sorted_out([settlement])) or run(verbs.settled([settlement]))
    return Settled.APPLIED if applied else Settled.LOST


def annotate(connections: Connections, verbs: Verbs, notes: Sequence[Note]) -> None:
    """Keep notes; what a later one of the same claim leaves out is taken from the ones before."""
    merged: dict[ClaimId, Note] = {}
    for note in notes:
        claim = (note.id, note.token)
        merged[claim] = _merged(merged[claim], note) if claim in merged else note
    if merged:
        connections.run(verbs.annotate([merged[claim] for claim in sorted(merged)]))


def _settle(run: Run, verbs: Verbs, worker: str | None, done: Sequence[Done], told: Sequence[Told]) -> set[ClaimId]:
    applied: set[ClaimId] = set()
    if done:
        applied |= run(verbs.complete(done, worker))
    if told:
        applied |= run(verbs.settle(told, worker))
    return applied


def _sorted_out(batch: Iterable[Settlement]) -> tuple[list[Done], list[Told]]:
    """Jobs that are simply done, and all others."""
    done: list[Done] = []
    told: list[Told] = []
    for one in batch:
        if isinstance(one.outcome, Completed):
            done.append(Done(one.id, one.token, one.elapsed, one.outcome.result))
        else:
            told.append(_told(one, one.outcome))
    return done, told


def _told(one: Settlement, outcome: NotDone) -> Told:
    """What an outcome makes of a job."""
    claim = (one.id, one.token, one.elapsed)
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


def _claim_of(settlement: Settlement) -> ClaimId:
    return settlement.id, settlement.token
