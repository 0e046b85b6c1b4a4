"""Whose turn it is, as a check on what a driver has handed out: no prediction, only what law 7 forbids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations

from jobq.drivers.protocol import Demand
from jobq.testing.entry import Entry

Key = str | None
Pair = tuple[tuple[int, str | None], Key, Key]


class Turns:
    """Whose turn it was in one session: what it is owed is only fixed among keys that always had work."""

    def __init__(self) -> None:
        self._wish: object = None
        self._ahead: dict[Pair, int] = {}

    def check(self, demand: Demand, due: Sequence[Entry], claimed: Sequence[Entry]) -> None:
        """Hold an answer against the rules of order, with what is due when it was given."""
        wish = (demand.queues, demand.names, demand.exclude, demand.weighted)
        if wish != self._wish:
            self._wish, self._ahead = wish, {}
        if demand.weighted:
            parts = [[entry for entry in claimed if entry.new.queue == share.queue] for share in demand.queues]
        else:
            parts = [list(claimed)]
        ahead: dict[Pair, int] = {}
        for part, levels in zip(parts, _levels(demand, due), strict=True):
            rest = part
            for level in levels:
                taken, rest = rest[: len(level)], rest[len(level) :]
                _check_round(level, taken)
                ahead |= self._balance(demand, level, taken)
        self._ahead = ahead

    def _balance(self, demand: Demand, level: Sequence[Entry], taken: Sequence[Entry]) -> Mapping[Pair, int]:
        """How far each key is ahead of each other one, of those that had work before and still have some."""
        served = Counter(entry.new.partition_key for entry in taken)
        waiting = Counter(entry.new.partition_key for entry in level)
        busy = sorted((key for key in waiting if waiting[key] > served[key]), key=str)
        where = (level[0].new.priority, level[0].new.queue if demand.queues else None)
        ahead: dict[Pair, int] = {}
        for one, other in combinations(busy, 2):
            lead = self._ahead.get((where, one, other), 0) + served[one] - served[other]
            assert abs(lead) <= 1, f"key {one!r} is {lead} jobs ahead of key {other!r}"
            ahead[where, one, other] = lead
        return ahead


def _levels(demand: Demand, due: Sequence[Entry]) -> list[list[list[Entry]]]:
    """The lines in which a demand is served, each as groups of equal rank; one line for each queue when weighted."""
    lines = [[e for e in due if e.new.queue == share.queue] for share in demand.queues] or [list(due)]
    ranked = [
        [[e for e in line if e.new.priority == rank] for rank in sorted({e.new.priority for e in line})]
        for line in lines
    ]
    return ranked if demand.weighted else [[level for line in ranked for level in line]]


def _check_round(level: Sequence[Entry], taken: Sequence[Entry]) -> None:
    """Keys take turns, and inside a key the oldest goes first."""
    lines: dict[str | None, list[Entry]] = {}
    for entry in sorted(level, key=Entry.order):
        lines.setdefault(entry.new.partition_key, []).append(entry)
    served: Counter[str | None] = Counter()
    for entry in taken:
        key = entry.new.partition_key
        assert entry in level, f"{entry.new.id} was taken before a queue or priority that goes first was empty"
        assert lines[key].pop(0) is entry, f"{entry.new.id} was taken before an older job of its key"
        served[key] += 1
        others = [other for other, line in lines.items() if line]
        assert all(served[other] >= served[key] - 1 for other in others), f"key {key!r} was served out of turn"
