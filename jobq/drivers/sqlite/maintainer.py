"""Duties that repeat: taking back what lost workers held, expiring, pruning.

Each works in transactions of a bounded size, so that a worker that wants to renew its lease never waits long.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from jobq.drivers.sqlite import standing
from jobq.drivers.sqlite.books import Books, Store
from jobq.drivers.sqlite.operator import forget
from jobq.drivers.sqlite.times import ticks_in
from jobq.drivers.sqlite.wake import Bell

_BATCH = 1000
# Lanes that nobody uses cost every claim a look, but a queue that is empty for a moment should keep its own.
_SPARE_LANES = 1000


class SqliteMaintainer:
    """The facet for what workers do between jobs."""

    def __init__(self, store: Store, bell: Bell) -> None:
        self._store = store
        self._bell = bell

    def rescue(self, *, max_losses: int = 20) -> int:
        return self._in_batches(lambda books: _rescue(books, max_losses))

    def expire(self) -> int:
        return self._in_batches(_expire)

    def prune(self, *, ages: dict[str, float], limit: int = 1000) -> int:
        with self._store.write() as books:
            pruned = 0
            for state, age in ages.items():
                pruned += _prune(books, state, age, limit - pruned)
            _tidy(books)
            return pruned

    def _in_batches(self, duty: Callable[[Books], int]) -> int:
        """Do it until less than a batch is left; how many jobs it was."""
        total = 0
        while True:
            with self._store.write() as books:
                moved = duty(books)
            total += moved
            if moved < _BATCH:
                break
        if total:
            self._bell.ring()
        return total


def _rescue(books: Books, max_losses: int) -> int:
    """Strike off the sessions whose lease has ended; then whoever runs under no session is an orphan."""
    if books.run(books.sql.rescue_sessions, {"now": books.now}):
        books.run(books.sql.rescue_inboxes)
    orphans = books.all(books.sql.rescue_orphans, {"limit": _BATCH})
    for row in orphans:
        books.move(row, standing.lost(row, max_losses), started_at=row["started_at"])
    return len(orphans)


def _expire(books: Books) -> int:
    late = books.all(books.sql.expired, {"now": books.now, "limit": _BATCH})
    for row in late:
        books.move(row, standing.cancelled(row, "expired"), started_at=row["started_at"])
    return len(late)


def _prune(books: Books, state: str, age: float, limit: int) -> int:
    values = {"state": state, "before": books.now - ticks_in(age), "now": books.now, "limit": limit}
    old = books.all(books.sql.old, values)
    for row in old:
        forget(books, row)
    return len(old)


def _tidy(books: Books) -> None:
    """Remove what belongs to no job any more: keys whose term is over, and lanes when there are many."""
    books.run(books.sql.prune_keys, {"now": books.now})
    unused = [row["id"] for row in books.all(books.sql.lanes_unused)]
    if len(unused) > _SPARE_LANES:
        books.run(books.sql.prune_lanes, {"lanes": json.dumps(unused)})
        books.run(books.sql.prune_lanes_note)
