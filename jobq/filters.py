"""Which jobs a person means: one reading of filters for lists, bulk actions, the API and HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict, Unpack

from jobq.durations import parse_duration
from jobq.errors import InvalidValue
from jobq.instants import check_aware, parse_instant
from jobq.jobs import JobFilter, State
from jobq.names import near, parse_priority

ALIASES: Mapping[str, State] = {
    "waiting": State.PENDING,
    "active": State.RUNNING,
    "processing": State.RUNNING,
    "delayed": State.SCHEDULED,
    "dead": State.FAILED,
    "discarded": State.FAILED,
}


class Filters(TypedDict, total=False):
    """The keywords of every list and bulk action; several values of one keyword mean any of them.

    `name` and `queue` take globs; `tag` must all be there; `since` and `until` speak of `created_at`, an instant or
    how long ago it was (`1h`); `error` is a part of an error's type or text; `where` maps a dotted path into the
    payload to a JSON value.
    """

    state: str | Sequence[str] | None
    name: str | Sequence[str] | None
    queue: str | Sequence[str] | None
    priority: int | str | None
    tag: str | Sequence[str] | None
    since: datetime | str | None
    until: datetime | str | None
    error: str | None
    where: Mapping[str, Any] | None


def make_filter(**filters: Unpack[Filters]) -> JobFilter:
    """Read a filter; raises `InvalidValue` with the near matches."""
    priority = filters.get("priority")
    return JobFilter(
        states=tuple(read_state(state) for state in _several(filters.get("state"))),
        names=tuple(_several(filters.get("name"))),
        queues=tuple(_several(filters.get("queue"))),
        priority=None if priority is None else parse_priority(priority),
        tags=tuple(_several(filters.get("tag"))),
        since=_instant("since", filters.get("since")),
        until=_instant("until", filters.get("until")),
        error=filters.get("error"),
        where=tuple((filters.get("where") or {}).items()),
    )


def read_state(text: str) -> State:
    """A state by its name here or in other systems."""
    known = {**ALIASES, **{state.value: state for state in State}}
    found = known.get(text.strip().lower())
    if found is None:
        close = near(text, known)
        hint = f"did you mean {close[0]}?" if close else f"one of {', '.join(State)}"
        raise InvalidValue(f"unknown state {text!r}", hint=hint)
    return found


def _several(value: str | Iterable[str] | None) -> Iterable[str]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def _instant(what: str, value: datetime | str | None) -> datetime | None:
    """An instant, or how long ago it was: `1h`."""
    if not isinstance(value, str):
        return None if value is None else check_aware(value, what=what)
    try:
        ago = parse_duration(value)
    except InvalidValue:
        return parse_instant(value, what=what)
    return datetime.now(UTC) - timedelta(seconds=ago)
