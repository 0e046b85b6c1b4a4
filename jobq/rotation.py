"""Whose turn it is: the order of the claim, as a pure structure that every driver shares.

A *lane* is the jobs of one queue, priority, name and partition key; inside it jobs are first come, first served.
A driver tells a `Rotation` which lanes may have something to run, asks it for a *course* (which lanes to look
into, and how many jobs to take from each), and says which lanes turned out empty.

Why lanes, instead of one ordered query over all that waits: a job that this worker may not run (paused, no
handler) stands in a lane that is never looked into, so a hundred thousand of them cost nothing; a key with a
huge backlog stands in one lane, so round robin costs one step per key; and a driver may remember for each lane
how far it has been emptied. The cost: a claim knows only the lanes it was told about, so drivers look for new
ones with `add` at least once in every poll.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import chain, islice, zip_longest
from typing import NamedTuple, TypeVar

T = TypeVar("T")
_NOTHING = object()


class Lane(NamedTuple):
    """The jobs that differ only in when they came."""

    queue: str
    priority: int
    name: str
    key: str | None


class Turn(NamedTuple):
    """Take up to `take` jobs from these lanes, the oldest first; they share queue, priority and key."""

    lanes: tuple[Lane, ...]
    take: int


class Rotation:
    """The lanes that may have work, and the place in the rotation.

    `queues` maps a queue to its weight, in the order in which they are served; empty means every queue, served
    as one. A worker keeps one rotation for as long as it wants the same queues.
    """

    def __init__(
        self, queues: Sequence[tuple[str, int]], names: frozenset[str], exclude: frozenset[str], *, weighted: bool
    ) -> None:
        self._weights = dict(queues)
        self._names = names
        self._exclude = exclude
        self._weighted = weighted
        self._pools: OrderedDict[str, _Pool] = OrderedDict((queue, _Pool()) for queue in self._weights or [""])
        self._credit = dict.fromkeys(self._weights, 0)

    def accepts(self, lane: Lane) -> bool:
        """Whether this worker serves that lane at all."""
        wanted = not self._weights or lane.queue in self._weights
        return wanted and lane.name in self._names and lane.queue not in self._exclude

    def add(self, lane: Lane) -> None:
        """Look into this lane from now on. Adding it twice is fine."""
        self._pool(lane).add(lane)

    def discard(self, lane: Lane) -> None:
        """Stop looking into this lane. Discarding a stranger is fine."""
        self._pool(lane).discard(lane)

    def __contains__(self, lane: Lane) -> bool:
        return lane in self._pool(lane)

    def course(self, limit: int) -> list[Turn]:
        """Say which lanes to look into next for up to `limit` jobs; empty when no lane is left.

        A lane that yields less than it was asked for must be discarded, or the next course is the same.
        """
        ready = [queue for queue, pool in self._pools.items() if pool]
        if self._weighted and len(ready) > 1:
            shares = self._shares(ready, limit)
            return [turn for queue, share in shares.items() for turn in self._pools[queue].turns(share)]
        return self._pools[ready[0]].turns(limit) if ready else []

    def _pool(self, lane: Lane) -> _Pool:
        return self._pools[lane.queue if self._weights else ""]

    def _shares(self, ready: Sequence[str], limit: int) -> dict[str, int]:
        """Hand out `limit` turns by weight, evenly spread, remembering what is owed from course to course."""
        shares: dict[str, int] = {}
        total = sum(self._weights[queue] for queue in ready)
        for _ in range(limit):
            for queue in ready:
                self._credit[queue] += self._weights[queue]
            chosen = max(ready, key=lambda queue: self._credit[queue])
            self._credit[chosen] -= total
            shares[chosen] = shares.get(chosen, 0) + 1
        return shares


class _Pool:
    """One queue's lanes: by priority, and inside a priority the keys in their order of service."""

    def __init__(self) -> None:
        self._rings: dict[int, OrderedDict[str | None, dict[Lane, None]]] = {}

    def __bool__(self) -> bool:
        return bool(self._rings)

    def __contains__(self, lane: Lane) -> bool:
        ring = self._rings.get(lane.priority)
        return ring is not None and lane in ring.get(lane.key, {})

    def add(self, lane: Lane) -> None:
        self._rings.setdefault(lane.priority, OrderedDict()).setdefault(lane.key, {})[lane] = None

    def discard(self, lane: Lane) -> None:
        ring = self._rings.get(lane.priority)
        if ring is None or lane not in ring.get(lane.key, {}):
            return
        del ring[lane.key][lane]
        if not ring[lane.key]:
            del ring[lane.key]
        if not ring:
            del self._rings[lane.priority]

    def turns(self, limit: int) -> list[Turn]:
        """Share `limit` jobs among the keys of the best priority, and leave the ring where the next one starts."""
        ring = self._rings[min(self._rings)]
        rounds, rest = divmod(limit, len(ring))
        keys = list(islice(ring, limit))
        turns = [Turn(tuple(ring[key]), rounds + (place < rest)) for place, key in enumerate(keys)]
        for key in keys[:rest]:
            ring.move_to_end(key)
        return turns


def interleave(columns: Iterable[Sequence[T]]) -> list[T]:
    """Deal what each turn yielded like cards: the first of each, then the second of each."""
    rows = zip_longest(*columns, fillvalue=_NOTHING)
    return [item for item in chain.from_iterable(rows) if item is not _NOTHING]  # type: ignore[misc]
