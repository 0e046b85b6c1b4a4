"""Looking at the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from heapq import merge
from itertools import groupby, islice
from sqlite3 import Row
from typing import Any

import msgspec

from jobq.drivers.sqlite.books import Books, Store
from jobq.drivers.sqlite.rows import job_of, session_of
from jobq.drivers.sqlite.times import instant_of, ticks_in, ticks_of
from jobq.errors import InvalidValue
from jobq.jobs import FINAL, HandlerInfo, Job, JobFilter, NameStats, Page, QueueCount, SessionView, State

_BEYOND = 2**63 - 1
_NO_LIMIT = -1


class SqliteInspector:
    """The facet that only reads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def now(self) -> datetime:
        return self._store.clock()

    def get(self, id: str) -> Job | None:
        with self._store.read() as books:
            row = books.one(books.sql.get, {"id": id})
            return None if row is None else _jobs(books, [row])[0]

    def resolve(self, part: str) -> list[str]:
        with self._store.read() as books:
            if books.one(books.sql.get, {"id": part}) is not None:
                return [part]
            return [row["id"] for row in books.all(books.sql.resolve, {"part": part})]

    def find(self, where: JobFilter, *, limit: int, cursor: str | None = None, offset: int = 0) -> Page:
        with self._store.read() as books:
            found = _find(books, where, before=_place_of(cursor), limit=offset + limit + 1)
            page = found[offset : offset + limit]
            rows = [row for seq in page for row in books.all(books.sql.show, {"seq": seq})]
            more = len(found) > offset + limit and bool(page)
            return Page(items=tuple(_jobs(books, rows)), next_cursor=str(page[-1]) if more else None)

    def count(self, where: JobFilter) -> int:
        with self._store.read() as books:
            return len(_find(books, where, before=_BEYOND, limit=_NO_LIMIT))

    def counts(self) -> list[QueueCount]:
        with self._store.read() as books:
            return [
                QueueCount(
                    queue=row["queue"], state=State(row["state"]), jobs=row["jobs"], oldest=instant_of(row["oldest"])
                )
                for row in books.all(books.sql.counts, {"now": books.now})
            ]

    def sessions(self) -> list[SessionView]:
        with self._store.read() as books:
            return [session_of(row) for row in books.all(books.sql.sessions, {"now": books.now})]

    def handlers(self) -> list[HandlerInfo]:
        with self._store.read() as books:
            return [msgspec.json.decode(row["info"], type=HandlerInfo) for row in books.all(books.sql.handlers)]

    def finished(self, window: float) -> list[NameStats]:
        with self._store.read() as books:
            return [
                NameStats(
                    name=row["name"],
                    completed=row["completed"],
                    failed=row["failed"],
                    cancelled=row["cancelled"],
                    average=row["average"],
                    p95=row["p95"],
                )
                for row in books.all(books.sql.finished, {"since": books.now - ticks_in(window)})
            ]


def _find(books: Books, where: JobFilter, *, before: int, limit: int) -> list[int]:
    """The `seq`s of jobs that match, newest first.

    The ended ones are looked for state by state: the failed among a million completed ones must be found at once.
    """
    values = {**_conditions(where), "now": books.now, "before": before, "limit": limit}
    ended = FINAL.intersection(where.states or FINAL)
    found = [books.all(books.sql.find_done, {**values, "state": state}) for state in ended]
    if not where.states or set(where.states) - FINAL:
        found.append(books.all(books.sql.find_live, values))
    newest = merge(*([row["seq"] for row in rows] for rows in found), reverse=True)
    return list(newest if limit == _NO_LIMIT else islice(newest, limit))


def _conditions(where: JobFilter) -> dict[str, Any]:
    """The filter as parameters; what was not asked for is NULL."""
    return {
        "states": _list(where.states),
        "names": _list([_glob(name) for name in where.names]),
        "queues": _list([_glob(queue) for queue in where.queues]),
        "priority": where.priority,
        "tags": _list(where.tags),
        "since": None if where.since is None else ticks_of(where.since),
        "until": None if where.until is None else ticks_of(where.until),
        "error": where.error,
        "paths": _list(where.where),
    }


def _list(items: Sequence[Any]) -> str | None:
    return json.dumps(items) if items else None


def _glob(pattern: str) -> str:
    """Our globs know no brackets."""
    return pattern.replace("[", "[[]")


def _place_of(cursor: str | None) -> int:
    if cursor is None:
        return _BEYOND
    if not cursor.isdecimal() or int(cursor) > _BEYOND:
        raise InvalidValue(f"{cursor!r} is no cursor", hint="pass next_cursor of the page before")
    return int(cursor)


def _jobs(books: Books, rows: Sequence[Row]) -> list[Job]:
    """The jobs in these rows, with their histories."""
    errors = books.all(books.sql.errors, {"seqs": json.dumps([row["seq"] for row in rows])})
    histories = {seq: list(group) for seq, group in groupby(errors, key=lambda error: error["job"])}
    return [job_of(row, histories.get(row["seq"], []), books.now) for row in rows]
