"""What the driver can ask of the database: for each verb a statement, its parameters, and how its answer is read.

Nothing here talks to anybody. Whoever has a connection, blocking or not, sends `sql` with `values` and hands the
rows to `read`, so that clients of both kinds share all of it. Lists cross as one JSON text each: it is encoded in
C straight from the values of `jobq.jobs`, and its size does not change the statement.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec.structs import asdict

from jobq.drivers.postgres.horizon import Horizon, Written
from jobq.drivers.postgres.lanes import Course, News, Place
from jobq.drivers.postgres.rows import RUN_AT, SEQ, Receipt, Row, command_of, receipt_of
from jobq.drivers.statements import Statements
from jobq.jobs import Command, ErrorInfo, NewJob, Note, SessionInfo, SessionState
from jobq.rotation import Lane

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Rows = Sequence[Row]
Key = tuple[str, str]

_JSON = msgspec.json.Encoder()
_PLACE_OF = itemgetter(RUN_AT, SEQ)
_UNSIGNED = 1 << 63


@dataclass(frozen=True, slots=True)
class Verb(Generic[T_co]):
    """A statement, its parameters, and the reading of its rows."""

    sql: str
    values: Mapping[str, Any]
    read: Callable[[Rows], T_co]


class Run(Protocol):
    """Sends a verb and reads its answer, in whatever transaction this is in."""

    def __call__(self, verb: Verb[T], /) -> T: ...


class Wish(NamedTuple):
    """What a demand wants, as JSON texts."""

    names: str
    queues: str
    exclude: str


class Looked(NamedTuple):
    """What a look has shown: when and what it could see, seconds until something falls due, and the news."""

    at: datetime
    snapshot: str
    wait: float | None
    jobs: int
    news: list[News]


class Surveyed(NamedTuple):
    """What a survey has found, and the lane number to go on from; None at the end."""

    news: list[News]
    rest: int | None


class Taken(NamedTuple):
    """Rows of jobs that were taken, as they stood in line, and the transaction that took them."""

    rows: list[Row]
    written: Written | None


class Holder(NamedTuple):
    """A unique key that is taken: by which job, and whether its time is over."""

    key: Key
    id: str
    is_over: bool


class Done(msgspec.Struct, frozen=True):
    """A job that is done, as its statement takes it."""

    seq: int
    id: str
    token: int
    elapsed: float
    result: str | None


class Told(msgspec.Struct, frozen=True):
    """What is to become of any other job, as its statement takes it.

    `state` holds unless somebody has asked to cancel the job. `taken_back` and `crash` change the counters, and
    `alone` is None where it stays as it was.
    """

    seq: int
    id: str
    token: int
    elapsed: float
    state: str
    delay: float | None = None
    taken_back: int = 0
    crash: int = 0
    alone: bool | None = None
    reason: str | None = None
    error: ErrorInfo | None = None


class Verbs:
    """The verbs of the main path, in the words of these statements."""

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def insert(self, jobs: Sequence[NewJob]) -> Verb[set[str]]:
        """Store jobs; which of the ids were new."""
        return Verb(self._sql.insert, {"jobs": as_json(jobs)}, lambda rows: {row[0] for row in rows})

    def take_keys(self, wanted: Iterable[tuple[Key, str, float | None]]) -> Verb[set[Key]]:
        """Take keys for jobs, each with the seconds for which it holds; which of them were free."""
        keys = [{"name": key[0], "key": key[1], "id": id, "hold": hold} for key, id, hold in wanted]
        return Verb(self._sql.take_keys, {"keys": as_json(keys)}, lambda rows: {(row[0], row[1]) for row in rows})

    def holders(self, keys: Collection[Key]) -> Verb[list[Holder]]:
        """Who holds these keys."""
        return Verb(self._sql.holders, _keys(keys), lambda rows: [Holder((row[0], row[1]), *row[2:]) for row in rows])

    def drop_old_keys(self, keys: Collection[Key]) -> Verb[None]:
        """Free those whose time is over."""
        return Verb(self._sql.drop_old_keys, _keys(keys), _nothing)

    def hand_keys(self, keys: Mapping[Key, str | None]) -> Verb[None]:
        """Say which job has each key now; those of None are freed."""
        listed = [{"name": key[0], "key": key[1], "id": id} for key, id in keys.items()]
        return Verb(self._sql.hand_keys, {"keys": as_json(listed)}, _nothing)

    def taken_ids(self, ids: Collection[str]) -> Verb[list[str]]:
        """Which of these ids are taken."""
        return Verb(self._sql.taken_ids, {"ids": as_json(ids)}, first_column)

    def overwrite(self, id: str, job: NewJob) -> Verb[bool]:
        """Replace what a waiting job is to do; False when it does not wait."""
        return Verb(self._sql.overwrite, {"id": id, "job": as_json(job)}, bool)

    def open_session(self, info: SessionInfo, lease: float) -> Verb[tuple[int, Written]]:
        """Register a worker; its number."""
        values = {"info": as_json(info), "lease": lease}
        return Verb(self._sql.open_session, values, lambda rows: (rows[0][0], _written(rows[0][1:])))

    def close_session(self, session: int) -> Verb[None]:
        """Sign off."""
        return Verb(self._sql.close_session, {"session": session}, _nothing)

    def lock_session(self, session: int) -> Verb[None]:
        """Wait until no claim of this session is under way."""
        return Verb(self._sql.lock_session, {"session": session}, _nothing)

    def extend(self, session: int) -> Verb[Written | None]:
        """Renew a lease; None when it was lost."""
        return Verb(self._sql.extend, {"session": session}, _perhaps_written)

    def describe(self, session: int, state: SessionState, processes: int) -> Verb[None]:
        """Say what a session does."""
        values = {"session": session, "state": state.value, "processes": processes}
        return Verb(self._sql.describe, values, _nothing)

    def await_hints(self, session: int, *, waiting: bool) -> Verb[Written | None]:
        """Say whether hints are worth sending to this session."""
        return Verb(self._sql["await"], {"session": session, "waiting": waiting}, _perhaps_written)

    def inbox(self, session: int) -> Verb[list[Command]]:
        """Take what was posted."""
        return Verb(self._sql.inbox, {"session": session}, lambda rows: [command_of(row[0]) for row in rows])

    def look(self, horizon: Horizon, wish: Wish, most: int) -> Verb[Looked]:
        """Read the news, up to so many jobs."""
        seen = [{"xid": str(xid), "seen": since} for xid, since in horizon.open.items()]
        values = {"since": horizon.since, "open": as_json(seen), "most": most, **wish._asdict()}
        return Verb(self._sql.look, values, _looked)

    def mark(self) -> Verb[Written | None]:
        """Take a transaction number, so that the next look need not go back to the last one."""
        return Verb(self._sql.mark, {}, _perhaps_written)

    def survey(self, start: int | None, most: int) -> Verb[Surveyed]:
        """Find up to so many lanes in which something waits, from this lane number on."""
        values = {"start": -_UNSIGNED if start is None else start, "most": most}
        return Verb(self._sql.survey, values, lambda rows: _surveyed(rows, most))

    def claim(self, session: int, course: Course) -> Verb[Taken]:
        """Take jobs from some lanes."""
        sql = self._sql.claim_shared if course.is_shared else self._sql.claim
        values = {"session": session, "asks": as_json(course.asks)}
        return Verb(sql, values, _taken)

    def strays(self, session: int, held: Collection[str]) -> Verb[int]:
        """Put back what a session has claimed under other tokens than these; how many it was."""
        receipts = [
            dict(zip(("seq", "token"), receipt, strict=True)) for token in held if (receipt := receipt_of(token))
        ]
        return Verb(self._sql.strays, {"session": session, "held": as_json(receipts)}, len)

    def complete(self, settlements: Sequence[Done], worker: str | None) -> Verb[set[Receipt]]:
        """Record jobs that are done; those whose claim was good."""
        return Verb(self._sql.complete, {"settlements": as_json(settlements), "worker": worker}, _receipts)

    def settle(self, settlements: Sequence[Told], worker: str | None) -> Verb[set[Receipt]]:
        """Record any other outcome; those whose claim was good."""
        return Verb(self._sql.settle, {"settlements": as_json(settlements), "worker": worker}, _receipts)

    def settled(self, claims: Mapping[Receipt, str]) -> Verb[set[Receipt]]:
        """Which of these claims, each with its job's id, were settled before."""
        listed = [{"seq": seq, "token": token, "id": id} for (seq, token), id in claims.items()]
        return Verb(self._sql.settled, {"settlements": as_json(listed)}, _receipts)

    def annotate(self, notes: Mapping[Receipt, Note]) -> Verb[None]:
        """Keep notes of running jobs."""
        listed = [{**asdict(note), "seq": seq, "token": token} for (seq, token), note in notes.items()]
        return Verb(self._sql.annotate, {"notes": as_json(listed)}, _nothing)


def as_json(value: object) -> str:
    """A list or value as the statements take it."""
    return _JSON.encode(value).decode()


def first_column(rows: Rows) -> list[Any]:
    """The first value of each row."""
    return [row[0] for row in rows]


def _taken(rows: Rows) -> Taken:
    return Taken(sorted(rows, key=_PLACE_OF), _written(rows[0]) if rows else None)


def _receipts(rows: Rows) -> set[Receipt]:
    return {(seq, token) for seq, token in rows}


def _keys(keys: Collection[Key]) -> dict[str, str]:
    return {"keys": as_json([{"name": name, "key": key} for name, key in keys])}


def _nothing(_: Rows) -> None:
    """There is nothing to read."""


def _written(row: Row) -> Written:
    return Written(int(row[0]), row[1])


def _perhaps_written(rows: Rows) -> Written | None:
    return _written(rows[0]) if rows else None


def _looked(rows: Rows) -> Looked:
    at, snapshot, wait = rows[0][:3]
    news = [_news(row[3:]) for row in rows if row[3] is not None]
    return Looked(at, snapshot, wait, sum(row[8] or 0 for row in rows), news)


def _news(row: Row) -> News:
    number, queue, priority, name, key, _, first_at, first, last_at, last = row
    return News(Lane(queue, priority, name, key), number, Place(first_at, first), Place(last_at, last))


def _surveyed(rows: Rows, most: int) -> Surveyed:
    news = [
        News(Lane(queue, priority, name, key), number, Place(run_at, seq), None)
        for number, queue, priority, name, key, run_at, seq, is_due in rows
        if is_due
    ]
    news.sort(key=lambda one: one.first.seq)
    last = rows[-1][0] if len(rows) == most else None
    return Surveyed(news, None if last is None or last == _UNSIGNED - 1 else last + 1)
