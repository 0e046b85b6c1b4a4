"""What a look into the database could not see yet, and from where the next look must therefore read.

A worker reads its news by `ready_at`: what has come into line since the last look. But a transaction that was open
at that look may commit afterwards, with an older `ready_at`. Looking back by some seconds would be a guess, and
wrong for a transaction that stays open for an hour. So a look also remembers which transactions were open, and
the first look after one of them has ended reads from where that one may have begun to write.

Postgres numbers transactions when they first write, in order, and a snapshot says which numbers are open below the
highest one that has ended. About numbers above that it is silent: those are younger than any transaction that has
ended, in particular than this worker's own last one, whose number and time are known. That is all this needs.

Whoever brings a job into line therefore reads the clock after its transaction has got its number. The alternative,
an index on the number itself, would cost every insert; this costs a few numbers in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

BEGINNING = datetime(1, 1, 2, tzinfo=UTC)

# What was written by hand reads the clock a moment before its transaction has a number, and clocks are set.
SLACK = timedelta(milliseconds=50)
_REMEMBERED = 64


class Written(NamedTuple):
    """A transaction of this worker: its number, and an instant before it got it."""

    xid: int
    at: datetime


class Horizon:
    """From where the next look must read. A new one has seen nothing, and begins at the beginning."""

    def __init__(self) -> None:
        self.since = BEGINNING
        self.open: dict[int, datetime] = {}
        # Replaced, never changed: a lease may be renewed while another thread looks.
        self._own: tuple[Written, ...] = ()

    def wrote(self, written: Written) -> None:
        """This worker has committed a transaction of its own."""
        if not self._own or written.xid > self._own[-1].xid:
            self._own = (*self._own[1 - _REMEMBERED :], written)

    def looked(self, at: datetime, snapshot: str) -> None:
        """A look was begun at this instant, and saw what this snapshot (`xmin:xmax:open,open,…`) shows."""
        _, highest, listed = snapshot.split(":")
        self.open = {xid: self.open.get(xid) or self._assigned_after(xid) for xid in _numbers(listed)}
        self.since = min(at - SLACK, self._assigned_after(int(highest)))

    def _assigned_after(self, xid: int) -> datetime:
        """An instant before this number, or one that is not below it, was given out."""
        older = (written.at - SLACK for written in reversed(self._own) if written.xid < xid)
        return next(older, BEGINNING)


def _numbers(listed: str) -> Iterator[int]:
    return map(int, filter(None, listed.split(",")))
