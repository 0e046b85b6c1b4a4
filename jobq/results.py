"""What a handler may return or raise to say how its attempt ended, besides a plain value or exception."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from jobq.durations import parse_duration


@dataclass(frozen=True, slots=True)
class Success:
    """Return it: the job is completed, with `data` as its result."""

    data: Any = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Return it: the attempt failed, as if it had raised; `data` is kept in the error's text."""

    message: str
    data: Any = None


class Discard(Exception):
    """Raise it: the job is `failed` now, whatever attempts remain."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Retry(Exception):
    """Raise it: try again after `delay` (seconds, timedelta or text such as `"5m"`); uses up an attempt.

    Without a delay the job's own backoff applies.
    """

    def __init__(
        self, delay: float | timedelta | str | None = None, *, reason: str = "the handler asked for a retry"
    ) -> None:
        super().__init__(reason)
        self.delay = None if delay is None else parse_duration(delay)


class Snooze(Exception):
    """Raise it: not now, call again after `delay`; uses up no attempt."""

    def __init__(self, delay: float | timedelta | str) -> None:
        super().__init__(f"snoozed for {delay}")
        self.delay = parse_duration(delay)
