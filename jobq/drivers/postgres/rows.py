"""Rows as the values of `jobq.jobs`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from jobq.jobs import (
    AttemptError,
    Claim,
    Command,
    HandlerInfo,
    Job,
    NameStats,
    Progress,
    QueueCount,
    SessionState,
    SessionView,
    State,
)
from jobq.payload import decode

Row = Sequence[Any]
# What a claim's token says: the place of its job, and the number of the claim.
Receipt = tuple[int, int]

# Where in a row of the claim its lane and its place stand.
LANE: Final = 2
SEQ: Final = 3
RUN_AT: Final = 25


# Eighteen digits fit into the columns.
_DIGITS = re.compile(r"[0-9]{1,18}").fullmatch
_COMMAND = msgspec.json.Decoder(Command)
_HANDLER = msgspec.json.Decoder(HandlerInfo)
_ERRORS = msgspec.json.Decoder(list[AttemptError])


def receipt_of(token: str) -> Receipt | None:
    """The receipt in a claim's token, or None when it is none of this store's."""
    seq, _, number = token.partition(".")
    if not _DIGITS(seq) or not _DIGITS(number):
        return None
    return int(seq), int(number)


def claim_of(row: Row) -> Claim:
    """The right to run a job that was taken."""
    return Claim(
        id=row[4],
        token=f"{row[3]}.{row[5]}",
        name=row[6],
        queue=row[7],
        attempt=row[8],
        payload=row[9],
        priority=row[10],
        crashes=row[11],
        losses=row[12],
        rounds=row[13],
        alone=row[14],
        max_attempts=row[15],
        max_crashes=row[16],
        timeout=row[17],
        backoff=row[18],
        metadata=row[19],
        tags=tuple(row[20]),
        unique_key=row[21],
        partition_key=row[22],
        schedule=row[23],
        checkpoint=row[24],
        run_at=row[25],
        created_at=row[26],
        expires_at=row[27],
    )


def job_of(row: Row) -> Job:
    """A job as people see it: a row of `get` and `find`, without its `seq`."""
    return Job(
        id=row[0],
        name=row[1],
        queue=row[2],
        state=State(row[3]),
        priority=row[4],
        attempt=row[5],
        max_attempts=row[6],
        crashes=row[7],
        payload=decode(row[8]),
        result=None if row[9] is None else decode(row[9]),
        progress=None if row[10] is None else Progress(percent=row[10], message=row[11]),
        metadata=decode(row[12]),
        tags=tuple(row[13]),
        unique_key=row[14],
        partition_key=row[15],
        run_at=row[16],
        created_at=row[17],
        updated_at=row[18],
        started_at=row[19],
        finished_at=row[20],
        expires_at=row[21],
        timeout=row[22],
        errors=_errors_of(row[23]),
        worker=row[24],
        schedule=row[25],
        reason=row[26],
        max_crashes=row[27],
        backoff=row[28],
        losses=row[29],
        rounds=row[30],
        cancel_requested=row[31],
    )


def view_of(row: Row) -> SessionView:
    """A worker as people see it."""
    return SessionView(
        id=row[0],
        name=row[1],
        host=row[2],
        pid=row[3],
        version=row[4],
        state=SessionState(row[5]),
        queues=tuple(row[6]),
        names=tuple(row[7]),
        processes=row[8],
        concurrency=row[9],
        running=row[10],
        started_at=row[11],
        lease_until=row[12],
    )


def count_of(row: Row) -> QueueCount:
    """How many jobs of a queue are in a state."""
    return QueueCount(queue=row[0], state=State(row[1]), jobs=row[2], oldest=row[3])


def stats_of(row: Row) -> NameStats:
    """What happened to the jobs of a name."""
    return NameStats(name=row[0], completed=row[1], failed=row[2], cancelled=row[3], average=row[4], p95=row[5])


def handler_of(text: str) -> HandlerInfo:
    """A handler as it was declared."""
    return _HANDLER.decode(text)


def command_of(text: str) -> Command:
    """A message from an inbox."""
    return _COMMAND.decode(text)


def _errors_of(text: str | None) -> tuple[AttemptError, ...]:
    if text is None:
        return ()
    return tuple(msgspec.structs.replace(error, at=_utc(error.at)) for error in _ERRORS.decode(text))


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
