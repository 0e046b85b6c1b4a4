"""What a worker says of itself, as log lines: which of its events are worth somebody's attention."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from jobq.telemetry import Color, Level, LogWriter, configure_logging, worker_logger

if TYPE_CHECKING:
    from jobq.config import Config

WARNINGS: Final = frozenset(
    {
        "child.silent",
        "job.failed",
        "lease.lost",
        "plugin.broken",
        "settlement.stale",
        "store.unreachable",
        "template.died",
        "worker.reload_failed",
    }
)
# What a healthy worker does all the time.
DETAILS: Final = frozenset({"child.ready", "child.recycled", "job.completed"})


class Notices:
    """Takes a worker's notices and logs them."""

    def __init__(self, worker: str) -> None:
        self._log = worker_logger(worker)

    def __call__(self, event: str, **fields: Any) -> None:
        """Log an event; fields without a value are left out."""
        known = {name: value for name, value in fields.items() if value is not None}
        self._log.log(level_of(event, known), event, **known)


def level_of(event: str, fields: dict[str, Any]) -> int:
    """How much attention an event deserves."""
    if event in WARNINGS:
        return logging.WARNING
    if event == "child.exited":
        return logging.DEBUG if fields.get("expected") else logging.WARNING
    return logging.DEBUG if event in DETAILS else logging.INFO


def configure(config: Config, level: Level, color: Color) -> LogWriter:
    """Set up this process's log on standard error; close what is returned at the end."""
    return configure_logging(level, config.log.format, color=color, redact_keys=config.redact.keys)
