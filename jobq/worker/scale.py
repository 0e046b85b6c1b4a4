"""How many children there should be: a pure decision, from what was seen lately."""

from __future__ import annotations

from dataclasses import dataclass

GROW_AFTER = 0.5
SHRINK_AFTER = 10.0


@dataclass
class Scale:
    """Follows the backlog between `least` and `most`: grows when work waits, shrinks when children are idle."""

    least: int
    most: int
    _waits_since: float | None = None
    _idle_since: float | None = None

    def decide(self, current: int, *, work_waits: bool, is_idle: bool, now: float) -> int:
        """Say how many there should be; `now` is the monotonic clock in seconds."""
        self._waits_since = (self._waits_since or now) if work_waits else None
        self._idle_since = (self._idle_since or now) if is_idle else None
        if self._waits_since is not None and now - self._waits_since >= GROW_AFTER and current < self.most:
            self._waits_since = now
            return current + 1
        if self._idle_since is not None and now - self._idle_since >= SHRINK_AFTER and current > self.least:
            self._idle_since = now
            return current - 1
        return max(self.least, min(self.most, current))
