"""How a template boots: what the supervisor tells it, and what it loads."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import Struct

from jobq.config import load_config
from jobq.jobs import Claim, HandlerInfo
from jobq.observers import Observers
from jobq.pipeline import EventLoop, Pipeline
from jobq.plugins import Plugins, load_plugins
from jobq.policy import PlainDefaults
from jobq.requests import RequestMaker
from jobq.schema import checker
from jobq.telemetry import configure_logging, job_logger, worker_logger
from jobq.worker.child import Child
from jobq.worker.output import JobOutput
from jobq.worker.port import ChildPort
from jobq.worker.settle_on import settle_on
from jobq.worker.slots import SlotBoard


class Boot(Struct, frozen=True, kw_only=True):
    """Where configuration and plugins are found; the same for every child of a template.

    `overrides` are the flags of the command line by dotted key. They travel over the socket, never as
    arguments, because a DSN may carry a password.
    """

    supervisor: int
    worker: str
    config: str | None = None
    overrides: dict[str, Any] = {}
    plugin_dirs: list[str] = []
    skip_broken: bool = False


@dataclass(frozen=True)
class Loadout:
    """Everything a child inherits from its template by being forked."""

    boot: Boot
    plugins: Plugins
    defaults: PlainDefaults
    default_queue: str
    max_payload: int
    flush: Callable[[], None]

    @property
    def infos(self) -> list[HandlerInfo]:
        """The handlers that can run here."""
        return list(self.plugins.registry.infos())

    @property
    def broken(self) -> list[str]:
        """Plugins that were skipped, a line each."""
        return [str(broken) for broken in self.plugins.broken]

    @property
    def observers(self) -> Observers:
        """The plugins' observing hooks."""
        return Observers(self.plugins)

    def child(self, sock: socket.socket, board: SlotBoard) -> Child:
        """Put a child together, after the fork."""
        registry = self.plugins.registry
        infos = {info.name: info for info in self.infos}
        maker = RequestMaker(
            infos.get, checker(registry), default_queue=self.default_queue, max_payload=self.max_payload
        )
        output = JobOutput(_emit(self.boot.worker))
        output.install()
        pipeline = Pipeline(registry, self.plugins.middleware, EventLoop(), self.observers)
        return Child(sock, board, pipeline, output, ChildPort(maker, settle_on))


def load(boot: Boot) -> Loadout:
    """Load configuration and plugins; raises what is wrong with them."""
    config = load_config(Path(boot.config) if boot.config else None, **boot.overrides)
    sys.path.insert(0, str(Path.cwd()))
    writer = configure_logging(config.log.level, config.log.format, redact_keys=config.redact.keys)
    plugins = load_plugins(
        config, plugin_dirs=[Path(path) for path in boot.plugin_dirs], cwd=Path.cwd(), skip_broken=boot.skip_broken
    )
    given = config.defaults
    defaults = PlainDefaults(
        max_attempts=given.max_attempts,
        max_crashes=given.max_crashes,
        timeout=given.timeout,
        backoff_text=given.backoff_text,
    )
    return Loadout(boot, plugins, defaults, config.defaults.queue, config.limits.max_payload, writer.close)


def _emit(worker: str) -> Callable[[Claim | None, str], None]:
    log = worker_logger(worker)

    def emit(claim: Claim | None, line: str) -> None:
        (log if claim is None else job_logger(claim)).info("job.output", line=line)

    return emit
