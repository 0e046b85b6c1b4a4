"""A clock that a test turns by hand, for stores that take their time from this process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class TurnedClock:
    """Tells an aware UTC instant that stands still until `turn` moves it.

    `start` is the first instant it tells; the default is an ordinary winter noon. Every look moves it on by `tick`
    seconds: none by default, and a microsecond makes it as good as a real clock at telling which came first.
    """

    def __init__(self, start: datetime = datetime(2030, 1, 15, 12, tzinfo=UTC), *, tick: float = 0.0) -> None:
        self._now = start
        self._tick = timedelta(seconds=tick)

    def __call__(self) -> datetime:
        self._now += self._tick
        return self._now

    def turn(self, seconds: float) -> None:
        """Move the clock on by `seconds`, which may be a fraction."""
        self._now += timedelta(seconds=seconds)
