"""The lanes that have work, as one worker knows them.

A lane is entered where the first job that is known to wait stands, and is read from there on: what lies before is
dead, and with a snapshot held open by somebody there may be a million dead entries before the first live one.
Lanes come from the news (which also say how far the known jobs reach) and from a survey of the whole table; a lane
that is used up is forgotten, so that the memory of a worker is as large as the work, not as the history.

Whose turn it is decides `Rotation`. All of this is a hint about where to look. Whether a job may run is decided by
the statement that takes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from msgspec import Struct

from jobq.drivers.postgres.rows import LANE, RUN_AT, SEQ, Row
from jobq.rotation import Lane, Rotation, Turn, interleave

_LANE_OF = itemgetter(LANE)


class Place(NamedTuple):
    """Where a job stands in its lane."""

    run_at: datetime
    seq: int


class News(NamedTuple):
    """Jobs of a lane that have come into line: their number, and between which places they stand.

    `last` is None when nobody knows how far they reach.
    """

    lane: Lane
    number: int
    first: Place
    last: Place | None


class Ask(Struct, frozen=True):
    """A lane as the claiming statement is asked to look into it."""

    turn: int
    lane: int
    queue: str
    name: str
    since: datetime
    after: int
    take: int


@dataclass(slots=True)
class Stretch:
    """The part of a lane in which there is work, and how far this worker has taken it."""

    number: int
    start: Place
    last: Place | None
    reached: Place | None = None

    @property
    def is_used_up(self) -> bool:
        """Whether everything known of it has been taken."""
        return self.last is not None and self.reached is not None and self.reached >= self.last

    def widen(self, news: News) -> None:
        """Take in more of the lane, which may lie before what was taken already."""
        self.start = min(self.start, news.first)
        self.last = None if self.last is None or news.last is None else max(self.last, news.last)
        self.reached = None

    def reach(self, place: Place) -> None:
        """Everything up to here has been taken."""
        self.start = max(self.start, place)
        self.reached = place


class Course:
    """One round of turns: what to ask for, and what the answers mean."""

    def __init__(self, turns: Sequence[Turn], known: Mapping[Lane, Stretch]) -> None:
        self.turns = turns
        self.asks = [
            Ask(number, known[lane].number, lane.queue, lane.name, *known[lane].start, turn.take)
            for number, turn in enumerate(turns)
            for lane in turn.lanes
        ]

    @property
    def is_shared(self) -> bool:
        """Whether some turn belongs to several lanes, which must be merged."""
        return len(self.asks) > len(self.turns)

    def order(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Rows that stand as in line, in the order in which they are to start: one of each turn, then the second."""
        if len(self.turns) == 1:
            return rows
        columns: list[list[Row]] = [[] for _ in self.turns]
        turn_of = {ask.lane: ask.turn for ask in self.asks}
        for row in rows:
            columns[turn_of[row[LANE]]].append(row)
        return interleave(columns)


class Lanes:
    """What is known to wait for one demand. `rotation` is whose turn it is among it."""

    def __init__(self, rotation: Rotation) -> None:
        self._rotation = rotation
        self._known: dict[Lane, Stretch] = {}

    def __len__(self) -> int:
        return len(self._known)

    def hear(self, news: Iterable[News]) -> None:
        """Take in news, the jobs that came first first."""
        for one in news:
            if not self._rotation.accepts(one.lane):
                continue
            if (known := self._known.get(one.lane)) is not None:
                known.widen(one)
            else:
                self._known[one.lane] = Stretch(one.number, one.first, one.last)
            self._rotation.add(one.lane)

    def course(self, limit: int) -> Course | None:
        """Where to look for up to `limit` jobs; None when nothing is known to wait."""
        turns = self._rotation.course(limit)
        return Course(turns, self._known) if turns else None

    def note(self, course: Course, rows: Sequence[Row]) -> bool:
        """Remember how far each lane was emptied; True when somebody else was faster somewhere.

        The rows stand as in line.
        """
        taken = Counter(map(_LANE_OF, rows))
        last = {row[LANE]: row for row in rows}
        for stretch in [self._known[lane] for turn in course.turns for lane in turn.lanes]:
            if (row := last.get(stretch.number)) is not None:
                stretch.reach(Place(row[RUN_AT], row[SEQ]))
        contested = [self._note_turn(turn, taken) for turn in course.turns]
        return any(contested)

    def _note_turn(self, turn: Turn, taken: Mapping[int, int]) -> bool:
        """Forget what is used up; True when a job that was known to wait is gone.

        A lane alone in its turn that yields too little is empty, but for jobs that somebody else is about to take.
        Of lanes that share a turn it is not known which of them fell short, so they are asked once more.
        """
        yielded = sum(taken[self._known[lane].number] for lane in turn.lanes)
        missing = yielded < turn.take
        is_empty = missing and (yielded == 0 or len(turn.lanes) == 1)
        used_up = [lane for lane in turn.lanes if self._known[lane].is_used_up]
        contested = missing and any(self._known[lane].last for lane in turn.lanes if lane not in used_up)
        for lane in turn.lanes if is_empty else used_up:
            self._forget(lane)
        return contested

    def _forget(self, lane: Lane) -> None:
        self._rotation.discard(lane)
        del self._known[lane]
