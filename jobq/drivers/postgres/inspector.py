"""Looking at jobs and workers."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from jobq.drivers.postgres.connections import Connections
from jobq.drivers.postgres.rows import Row, count_of, handler_of, job_of, stats_of, view_of
from jobq.drivers.postgres.verbs import Rows, Verb, as_json, first_column
from jobq.drivers.statements import Statements
from jobq.jobs import FINAL, HandlerInfo, Job, JobFilter, NameStats, Page, QueueCount, SessionView
from jobq.payload import encode

T = TypeVar("T")

# Above every place that a job can have.
_ABOVE = (1 << 63) - 1
_MOST_PARTS = 3


class PostgresInspector:
    """Reads what is there, in one statement for each question."""

    def __init__(self, connections: Connections, sql: Statements) -> None:
        self._connections = connections
        self._sql = sql

    def get(self, id: str) -> Job | None:
        return self._connections.run(Verb(self._sql.get, {"id": id}, lambda rows: job_of(rows[0]) if rows else None))

    def resolve(self, part: str) -> list[str]:
        values = {"part": part, "beginning": _literal(part) + "%", "length": len(part)}
        found = self._ask(self._sql.resolve, values, first_column) if part else []
        return [part] if part in found else list(dict.fromkeys(found))[:_MOST_PARTS]

    def find(self, where: JobFilter, *, limit: int, cursor: str | None = None, offset: int = 0) -> Page:
        below = _ABOVE if cursor is None else int(cursor)
        filters = _filters(where)
        # One more than asked for tells whether there is a next page.
        values = {**filters, "below": below, "limit": offset + limit + 1}
        parts = [sql for sql, wanted in self._parts(filters) if wanted]
        found = heapq.merge(*(self._ask(sql, values, list) for sql in parts), key=_seq_of, reverse=True)
        rows = list(islice(found, offset, offset + limit + 1))
        page = rows[:limit]
        more = len(rows) > limit and bool(page)
        return Page(items=tuple(map(job_of, page)), next_cursor=str(_seq_of(page[-1])) if more else None)

    def count(self, where: JobFilter) -> int:
        return self._ask(self._sql.count, _filters(where), _number)

    def counts(self) -> list[QueueCount]:
        return self._ask(self._sql.counts, {}, lambda rows: [count_of(row) for row in rows])

    def sessions(self) -> list[SessionView]:
        return self._ask(self._sql.sessions, {}, lambda rows: [view_of(row) for row in rows])

    def handlers(self) -> list[HandlerInfo]:
        return self._ask(self._sql.handlers, {}, lambda rows: [handler_of(row[0]) for row in rows])

    def finished(self, window: float) -> list[NameStats]:
        return self._ask(self._sql.finished, {"window": window}, lambda rows: [stats_of(row) for row in rows])

    def now(self) -> datetime:
        return self._connections.run(Verb(self._sql.now, {}, _instant))

    def _parts(self, filters: dict[str, Any]) -> list[tuple[str, bool]]:
        """The statements that find jobs, the live ones and those that have ended, and whether each may find some."""
        return [(self._sql.find_live, filters["live"]), (self._sql.find_done, filters["ended"])]

    def _ask(self, sql: str, values: dict[str, Any], read: Callable[[Rows], T]) -> T:
        return self._connections.study(Verb(sql, values, read))


def _seq_of(row: Row) -> int:
    seq: int = row[-1]
    return seq


def _number(rows: Rows) -> int:
    return int(rows[0][0])


def _instant(rows: Rows) -> datetime:
    at: datetime = rows[0][0]
    return at


def _filters(where: JobFilter) -> dict[str, Any]:
    """The parameters of the filters; NULL for what was not asked."""
    payload = [{"path": path.split("."), "value": encode(value)} for path, value in where.where]
    return {
        "live": not where.states or any(state not in FINAL for state in where.states),
        "ended": not where.states or any(state in FINAL for state in where.states),
        "states": _list(state.value for state in where.states),
        "names": _list(map(_pattern, where.names)),
        "queues": _list(map(_pattern, where.queues)),
        "priority": where.priority,
        "tags": _list(where.tags),
        "since": where.since,
        "until": where.until,
        "error": where.error,
        "payload": as_json(payload) if payload else None,
    }


def _list(items: Iterable[str]) -> Sequence[str] | None:
    return list(items) or None


def _pattern(glob: str) -> str:
    """A glob for LIKE: `*` and `?` are the only wildcards there are."""
    return _literal(glob).replace("*", "%").replace("?", "_")


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
