"""From what a caller types to a `NewJob`: the one place where an enqueue is checked.

The command line, `--from` files, the Python API, HTTP and `ctx.enqueue` all come through here, so that they
refuse the same things in the same words. Only what decides where a job waits (queue, priority) is looked up at
enqueue; every other option that is not given stays unset, and follows its handler until the claim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict, Unpack, get_args, get_type_hints

from jobq import payload as json_text
from jobq.backoff import Backoff, parse_backoff
from jobq.durations import parse_duration
from jobq.errors import BadPayload, InvalidValue
from jobq.ids import new_id
from jobq.instants import check_aware, parse_instant
from jobq.jobs import MOST_ATTEMPTS, Claim, HandlerInfo, NewJob, OnConflict
from jobq.names import check_id, check_key, check_name, check_queue, near, parse_priority

Duration = float | timedelta | str


class EnqueueOptions(TypedDict, total=False):
    """The keywords of `Client.enqueue`. Durations are seconds, `timedelta` or text such as `"5m"`.

    `queue` and `priority` default to the handler's, then to `default` and 0. `delay` or `run_at` (aware) say
    when; `expires_in` gives up if the job has not started by then. `max_attempts`, `max_crashes`, `timeout`,
    `backoff`, `keep_completed` and `keep_failed` override the handler's. `unique_key` keeps a second job of the
    same name out until the first is final, or for `unique_for`; `on_conflict` says what happens then. `id` is
    the caller's own id and follows the same rule. `partition_key` takes turns with other keys in the queue.
    """

    queue: str | None
    priority: int | str | None
    delay: Duration | None
    run_at: datetime | str | None
    max_attempts: int | None
    max_crashes: int | None
    timeout: Duration | None
    backoff: Backoff | str | None
    metadata: Mapping[str, Any] | None
    tags: Iterable[str]
    unique_key: str | None
    unique_for: Duration | None
    on_conflict: OnConflict
    id: str | None
    partition_key: str | None
    expires_in: Duration | None
    keep_completed: int | None
    keep_failed: int | None


OPTION_NAMES = frozenset(get_type_hints(EnqueueOptions))
MOST_KEPT = 1_000_000_000
Lookup = Callable[[str], HandlerInfo | None]
Check = Callable[[str, Any], Any]


class RequestMaker:
    """Turns requests into new jobs.

    `lookup` finds a handler's declared options by name, `check` holds a payload against the handler's type if
    this process knows it, `max_payload` is in bytes.
    """

    def __init__(self, lookup: Lookup, check: Check, *, default_queue: str, max_payload: int) -> None:
        self._lookup = lookup
        self._check = check
        self._default_queue = default_queue
        self._max_payload = max_payload

    def make(self, name: str, payload: Any = None, **options: Unpack[EnqueueOptions]) -> NewJob:
        """Check everything and build the job; raises `InvalidValue` or `BadPayload` and leaves no trace."""
        known = self._lookup(check_name(name))
        given_id = options.get("id")
        run_at = options.get("run_at")
        delay = _seconds("delay", options.get("delay"))
        if run_at is not None and delay is not None:
            raise InvalidValue("delay and run_at say the same thing twice", hint="give one of them")
        text = json_text.encode(self._check(name, {} if payload is None else payload), limit=self._max_payload)
        return NewJob(
            id=new_id() if given_id is None else check_id(given_id),
            given_id=given_id is not None,
            name=name,
            queue=check_queue(options.get("queue") or (known and known.queue) or self._default_queue),
            priority=_priority(options.get("priority"), known),
            payload=text,
            delay=delay or 0.0,
            run_at=_instant(run_at),
            expires_in=_seconds("expires_in", options.get("expires_in")),
            max_attempts=_count("max_attempts", options.get("max_attempts")),
            max_crashes=_count("max_crashes", options.get("max_crashes")),
            timeout=_seconds("timeout", options.get("timeout")),
            backoff=_backoff(options.get("backoff")),
            metadata=json_text.encode(dict(options.get("metadata") or {})),
            tags=tuple(check_key(tag, what="tag") for tag in options.get("tags") or ()),
            unique_key=_key("unique_key", options.get("unique_key")),
            unique_for=_seconds("unique_for", options.get("unique_for")),
            on_conflict=_conflict(options.get("on_conflict") or "skip"),
            partition_key=_key("partition_key", options.get("partition_key")),
            keep_completed=_count("keep_completed", options.get("keep_completed"), least=0, most=MOST_KEPT),
            keep_failed=_count("keep_failed", options.get("keep_failed"), least=0, most=MOST_KEPT),
        )

    def from_mapping(self, request: Any) -> NewJob:
        """Build from the object that `--from`, `enqueue_many`, chains and HTTP share."""
        if not isinstance(request, Mapping):
            raise BadPayload(f"a job is an object, not {type(request).__name__}", hint='{"name": …, "payload": …}')
        rest = {key: value for key, value in request.items() if key not in {"name", "payload"}}
        for key in rest.keys() - OPTION_NAMES:
            close = near(str(key), OPTION_NAMES | {"name", "payload"})
            hint = (
                f"did you mean {close[0]}?" if close else f"known are name, payload, {', '.join(sorted(OPTION_NAMES))}"
            )
            raise InvalidValue(f"unknown key {key!r} in a job", hint=hint)
        if not isinstance(request.get("name"), str):
            raise InvalidValue("a job has no name", hint='give "name": "namespace:action"')
        return self.make(request["name"], request.get("payload"), **rest)

    def child_of(self, parent: Claim, name: str, payload: Any, options: Mapping[str, Any]) -> NewJob:
        """Build a job that a running job asks for: it inherits the correlation id."""
        inherited = json_text.decode(parent.metadata).get("correlation_id")
        metadata = dict(options.get("metadata") or {})
        if inherited is not None:
            metadata.setdefault("correlation_id", inherited)
        return self.from_mapping({**options, "name": name, "payload": payload, "metadata": metadata})


def _seconds(option: str, value: Duration | None) -> float | None:
    return None if value is None else parse_duration(value, what=option)


def _instant(value: datetime | str | None) -> datetime | None:
    if value is None:
        return None
    return parse_instant(value, what="run_at") if isinstance(value, str) else check_aware(value, what="run_at")


def _priority(value: int | str | None, known: HandlerInfo | None) -> int:
    if value is not None:
        return parse_priority(value)
    return known.priority if known is not None and known.priority is not None else 0


def _count(option: str, value: int | None, *, least: int = 1, most: int = MOST_ATTEMPTS) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not least <= value <= most:
        raise InvalidValue(f"{option} must be a whole number from {least} to {most}, not {value!r}")
    return value


def _backoff(value: Backoff | str | None) -> str | None:
    if value is None:
        return None
    return parse_backoff(value).text if isinstance(value, str) else value.text


def _key(option: str, value: str | None) -> str | None:
    return None if value is None else check_key(value, what=option)


def _conflict(value: str) -> Literal["skip", "raise", "replace"]:
    for known in get_args(OnConflict):
        if value == known:
            return known  # type: ignore[no-any-return]
    raise InvalidValue(f"on_conflict must be skip, raise or replace, not {value!r}")
