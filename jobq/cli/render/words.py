"""Short words for ids, times and amounts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from jobq.cli.output import safe
from jobq.durations import format_duration
from jobq.instants import format_instant
from jobq.jobs import Job, State
from jobq.masking import mask_text, redact

STYLES: Final = {
    State.FAILED: "red",
    State.RETRYING: "yellow",
    State.RUNNING: "cyan",
    State.COMPLETED: "green",
    State.CANCELLED: "dim",
    State.SCHEDULED: "blue",
    State.BLOCKED: "blue",
    State.PENDING: "",
}
_LONGEST_SHOWN = 16
_END = 12
_STEPS = ((60.0, 1.0, "s"), (3600.0, 60.0, "m"), (48 * 3600.0, 3600.0, "h"), (float("inf"), 86400.0, "d"))


def short_id(id: str) -> str:
    """The end of an id: what differs, and enough to name the job with. The end of a UUID is its last group."""
    return safe(id if len(id) <= _LONGEST_SHOWN else id[-_END:])


def rough(seconds: float) -> str:
    """A duration in one unit: `3s`, `5m`, `2h`, `4d`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms" if seconds >= 0.001 else "0s"  # noqa: PLR2004
    unit, name = next((unit, name) for below, unit, name in _STEPS if seconds < below)
    return f"{seconds // unit:.0f}{name}"


def exact(seconds: float | None) -> str:
    """A duration as it would be typed."""
    return "–" if seconds is None else format_duration(seconds)


def ago(instant: datetime | None, now: datetime) -> str:
    """`3s ago`, `in 5m`."""
    if instant is None:
        return "–"
    seconds = (now - instant).total_seconds()
    return f"{rough(seconds)} ago" if seconds >= 0 else f"in {rough(-seconds)}"


def stamp(instant: datetime | None, now: datetime) -> str:
    """An instant to the second, and how long ago that is."""
    return "–" if instant is None else f"{format_instant(instant.replace(microsecond=0))} ({ago(instant, now)})"


def when(job: Job, now: datetime) -> str:
    """The time that matters most about a job in its state."""
    match job.state:
        case State.SCHEDULED | State.RETRYING:
            return ago(job.run_at, now)
        case State.RUNNING:
            return f"for {rough(max(0.0, (now - (job.started_at or now)).total_seconds()))}"
        case State.COMPLETED | State.FAILED | State.CANCELLED:
            return ago(job.finished_at, now)
        case _:
            return f"waits {rough(max(0.0, (now - job.run_at).total_seconds()))}"


def attempts(job: Job) -> str:
    """`1/3`."""
    return f"{job.attempt}/{job.max_attempts}" if job.max_attempts is not None else str(job.attempt)


def last_error(job: Job) -> str:
    """The last error in one line."""
    if not job.errors:
        return job.reason or ""
    error = job.errors[-1]
    return one_line(f"{error.type}: {error.message}" if error.message else error.type)


def one_line(text: str) -> str:
    """Text without line breaks, secrets and escapes."""
    return safe(" ".join(mask_text(text).split()))


def value_text(value: object, secret_keys: Sequence[str], *, indent: int | None = None) -> str:
    """A JSON value for people, what looks secret masked."""
    return safe(json.dumps(redact(value, secret_keys), ensure_ascii=False, indent=indent))


def number(value: float) -> str:
    """A count with separators."""
    return f"{value:,}"


def plural(count: int, noun: str) -> str:
    """`1 job`, `2,000 jobs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
