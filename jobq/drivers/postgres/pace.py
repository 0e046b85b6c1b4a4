"""How often to do what costs time and rarely finds something; and whether a worker has more to do than to wait for.

Both measure themselves instead of being configured: a look that takes a millisecond may be had often, one that takes
a second, on a table full of dead rows, rarely. Instants are seconds of a clock that never goes back.
"""

from __future__ import annotations

from typing import Final

# Above this many jobs a second, a hint for each would cost those who enqueue more than it helps the worker.
BUSY: Final = 300


class Budget:
    """Something that may use `share` of the time, and is not worth doing more often than every `least` seconds."""

    def __init__(self, share: float, least: float) -> None:
        self._share = share
        self._least = least
        self._next = 0.0

    def is_due(self, now: float) -> bool:
        """Whether it may be done."""
        return now >= self._next

    def spent(self, began: float, ended: float) -> None:
        """It was done."""
        self._next = ended + max(self._least, (ended - began) / self._share)

    def reset(self) -> None:
        """It may be done at once."""
        self._next = 0.0


class Pace:
    """How many jobs a second a worker takes: of the last whole second, or of this one if it is more."""

    def __init__(self) -> None:
        self._second = 0
        self._this = 0
        self._last = 0

    def took(self, jobs: int, now: float) -> None:
        """So many were taken; to have looked in vain counts like one."""
        self._turn(int(now))
        self._this += max(1, jobs)

    def is_busy(self, now: float) -> bool:
        """Whether looking often is better than waiting for hints."""
        self._turn(int(now))
        return max(self._this, self._last) > BUSY

    def _turn(self, second: int) -> None:
        if second != self._second:
            self._last = self._this if second == self._second + 1 else 0
            self._second, self._this = second, 0
