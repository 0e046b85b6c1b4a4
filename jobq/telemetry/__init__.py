"""What jobq says about itself: structured events on standard error, in one form for people and one for machines.

    events   the stable names
    masking  what never leaves
    writer   why a stuck reader stops nobody

Decision: structlog, configured once per process; lines of libraries that use the standard library's logging take
the same way. It is imported by the functions that need it, so that commands that log nothing do not pay for it.
Cost: `get_log` must be called after `configure_logging`, because a bound logger keeps the level it was made with.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TextIO

from jobq.jobs import Claim
from jobq.masking import SECRET_KEYS, mask_dsn
from jobq.payload import decode
from jobq.telemetry.events import Event
from jobq.telemetry.masking import Entry, Processor, mask
from jobq.telemetry.writer import CAPACITY, LogWriter, sink_of

if TYPE_CHECKING:
    import structlog

__all__ = [
    "CAPACITY",
    "CURRENT_JOB",
    "Color",
    "Event",
    "Format",
    "Level",
    "LogWriter",
    "configure_logging",
    "get_log",
    "job_logger",
    "mask",
    "mask_dsn",
    "worker_logger",
]

Level = Literal["debug", "info", "warning", "error", "critical"]
Format = Literal["auto", "console", "json"]
Color = Literal["auto", "always", "never"]

# Whose lines are being logged: set around each job, and followed by the tasks and threads that it starts.
CURRENT_JOB: ContextVar[Claim | None] = ContextVar("jobq_current_job", default=None)


def configure_logging(
    level: Level = "info",
    format: Format = "auto",
    *,
    stream: TextIO | None = None,
    color: Color = "auto",
    redact_keys: Sequence[str] = SECRET_KEYS,
    fields: Mapping[str, object] | None = None,
    capacity: int = CAPACITY,
) -> LogWriter:
    """Set up structlog and the standard library's root logger for this process, and return what they write to.

    `format` is `console`, `json`, or `auto`: console on a terminal, JSON elsewhere. `stream` defaults to standard
    error. `fields` are bound into every line. `capacity` is the buffer's size in bytes. The set-up survives a
    fork. Close the writer at the end; interpreter exit does it too.
    """
    import structlog

    target = stream if stream is not None else sys.stderr
    chain = _chain(_renderer(target, format, color), redact_keys, fields or {})
    writer = LogWriter(sink_of(target), partial(_dropped_line, chain), capacity=capacity)
    structlog.configure(
        processors=chain,
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        logger_factory=lambda *_: _Lines(writer),
        cache_logger_on_first_use=False,
    )
    _adopt_standard_logging(_number(level))
    atexit.register(writer.close)
    return writer


def get_log(**fields: object) -> structlog.typing.FilteringBoundLogger:
    """Return a logger with these fields bound, as last configured."""
    import structlog

    log: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(**fields)
    return log


def worker_logger(worker: str) -> structlog.typing.FilteringBoundLogger:
    """Return a logger for what a worker or one of its children says of itself."""
    return get_log(worker=worker)


def job_logger(claim: Claim, **fields: object) -> structlog.typing.FilteringBoundLogger:
    """Return a logger whose lines belong to a job; its `correlation_id` is bound when the metadata has one."""
    return get_log(**_job_fields(claim), **fields)


def _job_fields(claim: Claim) -> dict[str, object]:
    fields = {"job_id": claim.id, "job_name": claim.name, "queue": claim.queue, "attempt": claim.attempt}
    if "correlation_id" not in claim.metadata:  # most jobs have none, and parsing costs more than looking
        return fields
    found = decode(claim.metadata).get("correlation_id")
    return fields if found is None else {**fields, "correlation_id": found}


def _number(level: Level) -> int:
    return int(logging.getLevelNamesMapping()[level.upper()])


def _chain(render: Sequence[Processor], keys: Sequence[str], fields: Mapping[str, object]) -> list[Processor]:
    import structlog

    def bind(_logger: Any, _method: str, event: Entry) -> Entry:
        claim = None if "job_id" in event else CURRENT_JOB.get()
        return {**fields, **({} if claim is None else _job_fields(claim)), **event}

    return [
        structlog.contextvars.merge_contextvars,
        bind,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask(keys),
        *render,
    ]


def _renderer(stream: TextIO | None, format: Format, color: Color) -> list[Processor]:
    import structlog

    on_terminal = stream is not None and stream.isatty()
    if format == "json" or (format == "auto" and not on_terminal):
        return [_leading, structlog.processors.JSONRenderer()]
    colors = color == "always" or (color == "auto" and on_terminal and not os.environ.get("NO_COLOR"))
    plain = structlog.dev.plain_traceback
    return [_printable, structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]


def _leading(_logger: Any, _method: str, event: Entry) -> Entry:
    """Put first what every line has, for people who read JSON."""
    return {**{key: event[key] for key in ("timestamp", "level", "event") if key in event}, **event}


def _printable(_logger: Any, _method: str, event: Entry) -> Entry:
    """Escape what could forge a line or drive the terminal; only a traceback keeps its line breaks."""
    return {key: _visible(value, keep="\n" if key == "exception" else "") for key, value in event.items()}


def _visible(value: Any, keep: str) -> Any:
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(c if c in keep or c.isprintable() else repr(c)[1:-1] for c in value)


def _dropped_line(chain: Iterable[Processor], count: int) -> str:
    event: Any = {"event": Event.LOG_DROPPED, "dropped": count}
    for process in chain:
        event = process(None, "warning", event)
    return f"{event}\n"


class _Lines:
    """What structlog calls with a rendered line, whatever the level."""

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer

    def msg(self, line: str) -> None:
        self._writer.write(f"{line}\n")

    debug = info = warning = error = critical = exception = log = msg


class _Adopted(logging.Handler):
    """Lines of libraries that use the standard library's logging, in the same form and through the same buffer."""

    def emit(self, record: logging.LogRecord) -> None:
        level = min(logging.CRITICAL, max(logging.DEBUG, record.levelno // 10 * 10))
        get_log(logger=record.name).log(level, _message_of(record), exc_info=record.exc_info)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # arguments that do not fit the text
        return str(record.msg)


def _adopt_standard_logging(level: int) -> None:
    """Take the root logger over from handlers that write to the same stream, and could block on its reader."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if _is_in_the_way(handler)]:
        root.removeHandler(handler)
    root.addHandler(_Adopted())
    root.setLevel(level)


def _is_in_the_way(handler: logging.Handler) -> bool:
    streams = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    return isinstance(handler, _Adopted) or (type(handler) is logging.StreamHandler and handler.stream in streams)
