"""Instants as this store keeps them: whole microseconds since 1970, in UTC.

Integers compare, sort and add exactly, and a `datetime` has no finer grain.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import overload

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _TICK


def ticks_of(instant: datetime) -> int:
    """The microseconds of an aware instant."""
    return (instant - _EPOCH) // _TICK


def ticks_in(seconds: float) -> int:
    """The microseconds of a duration."""
    return round(seconds * 1_000_000)


def later(ticks: int, seconds: float) -> int:
    """The instant `seconds` after another, at most the last that a `datetime` can hold."""
    return min(ticks + ticks_in(seconds), _LAST)


@overload
def instant_of(ticks: int) -> datetime: ...
@overload
def instant_of(ticks: int | None) -> datetime | None: ...
def instant_of(ticks: int | None) -> datetime | None:
    """The aware UTC instant of so many microseconds; None for None."""
    return None if ticks is None else _EPOCH + timedelta(microseconds=ticks)
