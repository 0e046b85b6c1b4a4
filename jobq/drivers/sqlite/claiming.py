"""Handing out jobs: whose turn it is decides `Rotation`; this finds what is there and marks it as taken.

Lanes with something due are found by one probe of the index for each lane that this worker serves and that was
empty before; then each turn reads the head of its lanes, and nothing else. So jobs of other names, of excluded
queues, and all that is not due are never touched, however many they are.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from heapq import merge
from itertools import count, islice
from sqlite3 import Row

from jobq.drivers.protocol import Claimed, Demand
from jobq.drivers.sqlite.books import Books
from jobq.drivers.sqlite.rows import claim_of
from jobq.drivers.sqlite.session import SqliteSession
from jobq.jobs import Claim
from jobq.rotation import Rotation, Turn, interleave


def claim(books: Books, session: SqliteSession, demand: Demand) -> Claimed:
    """Give out up to `demand.limit` jobs in the order in which they are to start."""
    counters = books.one(books.sql.claim_open, {"session": session.id})
    if counters is None:
        return Claimed(claims=())
    rotation = session.rotation_for(demand)
    session.learn(books, rotation, counters["lanes_pruned"])
    ahead = _activate_due(books, session, rotation)
    served = list(session.active.values())
    claims = _serve(books, session, rotation, demand.limit, counters["token"])
    if claims:
        books.run(books.sql.claim_close, {"token": counters["token"] + len(claims)})
    return Claimed(claims=tuple(claims), wait=_wait(books, served, ahead))


def _activate_due(books: Books, session: SqliteSession, rotation: Rotation) -> list[int]:
    """Bring every lane that has something due into the rotation; the instants at which others will have."""
    ahead = []
    for row in books.all(books.sql.heads, {"lanes": json.dumps(list(session.idle)), "now": books.now}):
        if row["head"] <= books.now:
            session.activate(row["lane"], rotation)
        else:
            ahead.append(row["head"])
    return ahead


def _serve(books: Books, session: SqliteSession, rotation: Rotation, limit: int, last_token: int) -> list[Claim]:
    tokens = map(str, count(last_token + 1))
    claims: list[Claim] = []
    while len(claims) < limit and (course := rotation.course(limit - len(claims))):
        columns = []
        for turn in course:
            taken = _take(books, session, turn)
            columns.append(taken)
            if len(taken) < turn.take:
                for lane in turn.lanes:
                    session.retire(lane, rotation)
        claims += [_start(books, session, seq, next(tokens)) for seq in interleave(columns)]
    return claims


def _take(books: Books, session: SqliteSession, turn: Turn) -> list[int]:
    """The `seq`s of the oldest due jobs in lanes of one key."""
    values = [{"lane": session.active[lane], "now": books.now, "take": turn.take} for lane in turn.lanes]
    heads = [books.all(books.sql.take, lane) for lane in values]
    return [row["seq"] for row in islice(merge(*heads, key=_place), turn.take)]


def _place(row: Row) -> tuple[int, int]:
    return row["due_at"], row["seq"]


def _start(books: Books, session: SqliteSession, seq: int, token: str) -> Claim:
    (row,) = books.all(books.sql.claimed, {"seq": seq})
    values = {"seq": seq, "token": token, "session": session.id, "worker": session.info.name, "now": books.now}
    books.run(books.sql.start, values)
    return claim_of(row, token)


def _wait(books: Books, served: Collection[int], ahead: Collection[int]) -> float | None:
    """Seconds until a lane of this worker has something due: those that were served, and those that had nothing."""
    rows = books.all(books.sql.heads, {"lanes": json.dumps(list(served)), "now": books.now})
    heads = [row["head"] for row in rows] + list(ahead)
    return max(0, min(heads) - books.now) / 1_000_000 if heads else None
