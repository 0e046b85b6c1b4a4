"""Rows as values: what the tables hold, in the words of jobq."""

from __future__ import annotations

import json
from collections.abc import Sequence
from sqlite3 import Row

import msgspec

from jobq.drivers.sqlite.times import instant_of
from jobq.jobs import AttemptError, Claim, Command, Job, Progress, SessionInfo, SessionState, SessionView, State
from jobq.payload import decode

_NO_TAGS = "[]"


def tags_of(text: str) -> tuple[str, ...]:
    """Tags are stored as a JSON list, so that SQL can look into it."""
    return () if text == _NO_TAGS else tuple(json.loads(text))


def text_of_tags(tags: Sequence[str]) -> str:
    """The other way round."""
    return json.dumps(tags, ensure_ascii=False) if tags else _NO_TAGS


def claim_of(row: Row, token: str) -> Claim:
    """The right to run the job in this row, which is as it was before the claim."""
    return Claim(
        id=row["id"],
        token=token,
        name=row["name"],
        queue=row["queue"],
        attempt=row["attempt"] + 1,
        payload=row["payload"],
        priority=row["priority"],
        crashes=row["crashes"],
        losses=row["losses"],
        rounds=row["rounds"],
        alone=bool(row["alone"]),
        max_attempts=row["max_attempts"],
        max_crashes=row["max_crashes"],
        timeout=row["timeout"],
        backoff=row["backoff"],
        metadata=row["metadata"],
        tags=tags_of(row["tags"]),
        unique_key=row["unique_key"],
        partition_key=row["partition_key"],
        schedule=row["schedule"],
        batch_id=row["batch_id"],
        checkpoint=row["checkpoint"],
        run_at=instant_of(row["run_at"]),
        created_at=instant_of(row["created_at"]),
        expires_at=instant_of(row["expires_at"]),
    )


def job_of(row: Row, errors: Sequence[Row], now: int) -> Job:
    """The job in this row, with the rows of its history, as it stands at the instant `now`."""
    return Job(
        id=row["id"],
        name=row["name"],
        queue=row["queue"],
        state=_state_at(row, now),
        priority=row["priority"],
        attempt=row["attempt"],
        max_attempts=row["max_attempts"],
        crashes=row["crashes"],
        payload=decode(row["payload"]),
        result=None if row["result"] is None else decode(row["result"]),
        progress=None if row["percent"] is None else Progress(percent=row["percent"], message=row["message"]),
        metadata=decode(row["metadata"]),
        tags=tags_of(row["tags"]),
        unique_key=row["unique_key"],
        partition_key=row["partition_key"],
        run_at=instant_of(row["run_at"]),
        created_at=instant_of(row["created_at"]),
        updated_at=instant_of(row["updated_at"]),
        started_at=instant_of(row["started_at"]),
        finished_at=instant_of(row["finished_at"]),
        expires_at=instant_of(row["expires_at"]),
        timeout=row["timeout"],
        errors=tuple(_error_of(error) for error in errors),
        worker=row["worker"],
        blocked_by=row["blocked_by"],
        batch_id=row["batch_id"],
        schedule=row["schedule"],
        reason=row["reason"],
        max_crashes=row["max_crashes"],
        backoff=row["backoff"],
        losses=row["losses"],
        rounds=row["rounds"],
        cancel_requested=bool(row["cancel_requested"]),
    )


def command_of(row: Row) -> Command:
    """A message from an inbox."""
    return Command(kind=row["kind"], job_id=row["job_id"], value=row["value"], reason=row["reason"])


def session_of(row: Row) -> SessionView:
    """A worker as people see it."""
    info = msgspec.json.decode(row["info"], type=SessionInfo)
    return SessionView(
        id=info.id,
        name=info.name,
        host=info.host,
        pid=info.pid,
        version=info.version,
        state=SessionState(row["state"]),
        queues=info.queues,
        names=tuple(handler.name for handler in info.handlers),
        processes=row["processes"],
        concurrency=info.concurrency,
        running=row["running"],
        started_at=instant_of(row["started_at"]),
        lease_until=instant_of(row["lease_until"]),
    )


def _state_at(row: Row, now: int) -> State:
    """A scheduled job whose time has come reads as pending; nothing has to promote it."""
    state = State(row["state"])
    return State.PENDING if state is State.SCHEDULED and row["run_at"] <= now else state


def _error_of(row: Row) -> AttemptError:
    return AttemptError(
        attempt=row["attempt"],
        type=row["type"],
        message=row["message"],
        traceback=row["traceback"],
        at=instant_of(row["at"]),
        worker=row["worker"],
    )
