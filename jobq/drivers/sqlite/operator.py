"""Changing what waits, on behalf of people."""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Row

from jobq.drivers.sqlite import standing
from jobq.drivers.sqlite.books import Books, Store
from jobq.drivers.sqlite.times import later
from jobq.drivers.sqlite.wake import Bell
from jobq.jobs import Command, State
from jobq.rotation import Lane


class SqliteOperator:
    """The facet for cancel, retry and the like; each call is one transaction."""

    def __init__(self, store: Store, bell: Bell) -> None:
        self._store = store
        self._bell = bell

    def cancel(self, ids: Sequence[str], *, kill: bool = False, reason: str | None = None) -> list[str]:
        with self._store.write() as books:
            changed = [id for id in ids if _cancel(books, id, "kill" if kill else "cancel", reason)]
        self._bell.ring()
        return changed

    def retry(self, ids: Sequence[str], *, delay: float = 0.0) -> list[str]:
        with self._store.write() as books:
            changed = [id for id in ids if _retry(books, id, delay)]
        self._bell.ring()
        return changed

    def delete(self, ids: Sequence[str]) -> list[str]:
        with self._store.write() as books:
            return [id for id in ids if _delete(books, id)]

    def post(self, session: str, command: Command) -> bool:
        with self._store.write() as books:
            posted = _post(books, session, command)
        self._bell.ring()
        return posted


def forget(books: Books, row: Row) -> None:
    """Remove an ended or waiting job and everything that hangs on it."""
    books.drop_key(row)
    for statement in (books.sql.forget_live, books.sql.forget_done, books.sql.forget_errors):
        books.run(statement, {"seq": row["seq"]})


def _cancel(books: Books, id: str, kind: str, reason: str | None) -> bool:
    row = books.one(books.sql.live, {"id": id})
    if row is None:
        return False
    if row["state"] != State.RUNNING:
        books.move(row, standing.cancelled(row, reason), started_at=row["started_at"])
        return True
    books.run(books.sql.cancel_running, {"seq": row["seq"], "reason": reason})
    values = {"session": row["session"], "kind": kind, "job_id": id, "value": None, "reason": reason}
    books.run(books.sql.post, values)
    return True


def _post(books: Books, session: str, command: Command) -> bool:
    values = {
        "session": session,
        "kind": command.kind,
        "job_id": command.job_id,
        "value": command.value,
        "reason": command.reason,
    }
    return books.run(books.sql.post, values) == 1


def _retry(books: Books, id: str, delay: float) -> bool:
    row = books.one(books.sql.retryable, {"id": id})
    if row is None or not _retake_key(books, row):
        return False
    lane = Lane(row["queue"], row["priority"], row["name"], row["partition_key"])
    values = {
        "seq": row["seq"],
        "state": State.SCHEDULED if delay > 0 else State.PENDING,
        "run_at": later(books.now, delay),
        "lane": books.lane_of(lane),
        "now": books.now,
    }
    if row["ended"]:
        books.run(books.sql.revive, values)
        books.run(books.sql.forget_done, values)
    else:
        books.run(books.sql.retry_waiting, values)
    return True


def _retake_key(books: Books, row: Row) -> bool:
    """A job that comes back needs its unique key again; False when another job holds it by now."""
    if not row["ended"] or row["unique_key"] is None:
        return True
    return books.take_key(
        job=row["seq"],
        name=row["name"],
        key=row["unique_key"],
        unique_for=row["unique_for"],
        created_at=row["created_at"],
    )


def _delete(books: Books, id: str) -> bool:
    row = books.one(books.sql.holder_of_id, {"id": id})
    if row is None or row["state"] == State.RUNNING:
        return False
    forget(books, row)
    return True
