"""Where a job stands after something has happened to it: the state machine of live jobs, without any table."""

from __future__ import annotations

from sqlite3 import Row
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from jobq.drivers.sqlite.times import later
from jobq.jobs import (
    Cancelled,
    Completed,
    ErrorInfo,
    Failed,
    Outcome,
    Released,
    Retried,
    Snoozed,
    State,
    Suspected,
)

LOST = ErrorInfo(type="WorkerLost", message="the worker stopped renewing its lease")


class Standing(Struct, frozen=True, kw_only=True):
    """What changes about a job; `run_at` is in microseconds, `error` goes into its history."""

    state: State
    run_at: int
    attempt: int
    crashes: int
    losses: int
    alone: bool
    reason: str | None = None
    result: str | None = None
    error: ErrorInfo | None = None


def settled(row: Row, outcome: Outcome, now: int) -> Standing:
    """Where a running job stands after an outcome."""
    was = _standing_of(row)
    match outcome:
        case Completed(result=result):
            return replace(was, state=State.COMPLETED, result=result)
        case Failed(error=error, reason=reason, crash=crash):
            return replace(was, state=State.FAILED, reason=reason, error=error, crashes=was.crashes + crash)
        case Cancelled(reason=reason):
            return cancelled(row, reason)
        case Retried(error=error, delay=delay, crash=crash):
            blamed = replace(was, error=error, crashes=was.crashes + crash, alone=crash)
            waits = replace(blamed, state=State.RETRYING, run_at=later(now, delay))
        case Snoozed(delay=delay):
            waits = _unburnt(replace(was, state=State.SCHEDULED, run_at=later(now, delay), alone=False))
        case Released():
            waits = _unburnt(was)
        case Suspected(error=error):
            waits = _unburnt(replace(was, error=error, crashes=was.crashes + 1, alone=True))
        case _:
            assert_never(outcome)
    return _unless_cancelled(row, waits)


def lost(row: Row, max_losses: int) -> Standing:
    """Where a running job stands when its worker is gone."""
    was = _unburnt(replace(_standing_of(row), error=LOST, losses=row["losses"] + 1))
    if was.losses > max_losses:
        return replace(was, state=State.FAILED, reason="lost")
    return _unless_cancelled(row, was)


def cancelled(row: Row, reason: str | None) -> Standing:
    """Where a live job stands when it is cancelled."""
    return replace(_standing_of(row), state=State.CANCELLED, reason=reason or row["cancel_reason"])


def _standing_of(row: Row) -> Standing:
    return Standing(
        state=State.PENDING,
        run_at=row["run_at"],
        attempt=row["attempt"],
        crashes=row["crashes"],
        losses=row["losses"],
        alone=bool(row["alone"]),
    )


def _unburnt(standing: Standing) -> Standing:
    """The attempt was nobody's fault and is taken back."""
    return replace(standing, attempt=standing.attempt - 1)


def _unless_cancelled(row: Row, waits: Standing) -> Standing:
    """Wait again, unless somebody has asked meanwhile that it should not."""
    if row["cancel_requested"]:
        return replace(waits, state=State.CANCELLED, reason=row["cancel_reason"], run_at=row["run_at"])
    return waits
