"""The composition root: the one place that knows which store, which handlers and which configuration go together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobq.client import Client
from jobq.config import Config, load_config
from jobq.drivers.protocol import Driver
from jobq.errors import ConfigError, Unsupported
from jobq.handlers import Registry
from jobq.names import near
from jobq.observers import Observers
from jobq.pipeline import EventLoop, Pipeline
from jobq.plugins import Plugins, load_plugins
from jobq.requests import RequestMaker
from jobq.schema import checker
from jobq.worker.judge import Judge
from jobq.worker.local import InlineRunner
from jobq.worker.settle_on import settle_on

CONNECT_TIMEOUT = 5.0
_SCHEMES = ("postgresql", "postgres", "sqlite", "memory", "sync", "sqs")


def connect(
    dsn: str | None = None,
    *,
    config: Config | str | Path | None = None,
    plugins: Plugins | None = None,
    connect_timeout: float = CONNECT_TIMEOUT,
) -> Client:
    """Open the store of this configuration, as the command line would.

    `config` is a `Config` or a file; without it the usual places are searched. `dsn` wins over it. `plugins` are
    the handlers of this process; without them none is loaded, and payloads are checked when they run. Raises
    `ConfigError` for a DSN that makes no sense; an unreachable store is noticed by the first verb.

        with jobq.connect("sqlite:///jobs.db") as q:
            q.enqueue("email:send", {"to": "a@example.com"})
    """
    found = config if isinstance(config, Config) else load_config(Path(config) if config else None, dsn=dsn)
    driver = open_driver(dsn or found.dsn, connect_timeout=connect_timeout)
    return make_client(driver, found, plugins)


def make_client(driver: Driver, config: Config, plugins: Plugins | None = None) -> Client:
    """A client on an open driver."""
    registry = plugins.registry if plugins is not None else Registry()
    infos = {info.name: info for info in registry.infos()}
    maker = RequestMaker(
        infos.get,
        checker(registry),
        default_queue=config.defaults.queue,
        max_payload=config.limits.max_payload,
    )
    observers = Observers(plugins) if plugins is not None else None
    middleware = plugins.middleware if plugins is not None else ()
    pipeline = Pipeline(registry, middleware, EventLoop(), observers)
    inline = InlineRunner(
        pipeline, Judge(config.defaults), list(infos.values()), maker, settle_on=settle_on, now=_utc_now
    )
    return Client(driver, config, registry, inline, observers)


def open_driver(dsn: str, *, connect_timeout: float = CONNECT_TIMEOUT) -> Driver:
    """Open the store that a DSN names; each driver's library is imported only here and now."""
    scheme, separator, rest = dsn.partition("://")
    opener = _OPENERS.get(scheme)
    if not separator or opener is None:
        close = near(scheme, _SCHEMES)
        hint = f"did you mean {close[0]}://?" if close else "postgresql://, sqlite://, sqs://, memory:// or sync://"
        raise ConfigError(f"no store is called {scheme or 'nothing'!r} in the DSN", hint=hint)
    return opener(dsn, rest, connect_timeout)


def plugins_here(config: Config, *, plugin_dirs: list[Path], skip_broken: bool = False) -> Plugins:
    """Load this installation's plugins into this process."""
    return load_plugins(config, plugin_dirs=plugin_dirs, cwd=Path.cwd(), skip_broken=skip_broken)


def _open_postgres(dsn: str, rest: str, timeout: float) -> Driver:
    from jobq.drivers.postgres import open_postgres

    return open_postgres(dsn, connect_timeout=timeout)


def _open_sqlite(dsn: str, rest: str, timeout: float) -> Driver:
    from jobq.drivers.sqlite import open_sqlite

    if not rest:
        raise ConfigError("the DSN sqlite:// names no file", hint="sqlite://relative.db or sqlite:///absolute.db")
    return open_sqlite(Path(rest).expanduser(), patience=timeout)


def _open_memory(dsn: str, rest: str, timeout: float) -> Driver:
    from jobq.drivers.memory import MemoryDriver

    return MemoryDriver()


def _open_sync(dsn: str, rest: str, timeout: float) -> Driver:
    from jobq.drivers.sync import SyncDriver

    return SyncDriver()


def _open_sqs(dsn: str, rest: str, timeout: float) -> Driver:
    raise Unsupported("this version has no SQS store yet", hint="use postgresql:// or sqlite://")


_OPENERS: dict[str, Callable[[str, str, float], Driver]] = {
    "postgresql": _open_postgres,
    "postgres": _open_postgres,
    "sqlite": _open_sqlite,
    "memory": _open_memory,
    "sync": _open_sync,
    "sqs": _open_sqs,
}


def _utc_now() -> Any:
    return datetime.now(UTC)
