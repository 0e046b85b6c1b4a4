"""Recording how attempts ended, each under the token of its claim."""

from __future__ import annotations

from collections.abc import Sequence

from jobq.drivers.sqlite import standing
from jobq.drivers.sqlite.books import Books
from jobq.drivers.sqlite.times import ticks_in
from jobq.jobs import Note, Settled, Settlement


def settle(books: Books, settlements: Sequence[Settlement]) -> list[Settled]:
    """What became of each."""
    return [_settle(books, settlement) for settlement in settlements]


def annotate(books: Books, notes: Sequence[Note]) -> None:
    """Keep what running jobs want remembered."""
    fields = Note.__struct_fields__
    books.run_each(books.sql.annotate, [{name: getattr(note, name) for name in fields} for note in notes])


def _settle(books: Books, settlement: Settlement) -> Settled:
    claim = {"id": settlement.id, "token": settlement.token}
    row = books.one(books.sql.settle, claim)
    if row is None:
        return Settled.APPLIED if books.one(books.sql.settle_repeated, claim) else Settled.LOST
    then = standing.settled(row, settlement.outcome, books.now)
    started_at = books.now - ticks_in(settlement.elapsed)
    books.move(row, then, started_at=started_at, token=settlement.token)
    return Settled.APPLIED
