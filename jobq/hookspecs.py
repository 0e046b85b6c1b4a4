"""The plugin contract: what a plugin may do besides bringing `@job` functions.

Every function below may be written in a plugin's module under the same name, with any of its parameters. A name
that begins with `jobq_` and is not here is an error, because a hook that is never called is a bug nobody sees.
`hookimpl` is needed only to ask for an order: `@hookimpl(tryfirst=True)`.

Decision: pluggy, because its rules are known from pytest and others, and parameters can be added to a hook
without breaking plugins. Cost: hooks find their arguments by name, so the names here are public and stay.

Hooks that register are called once, when plugins are loaded, and may raise: the plugin counts as broken. Hooks
that observe must be quick, and what they raise is logged and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pluggy

from jobq.config import Config
from jobq.handlers import Middleware, Registry
from jobq.jobs import Cancelled, Claim, Completed, Failed, NewJob, Outcome, Retried, SessionInfo

PROJECT = "jobq"
PREFIX = "jobq_"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

OpenDriver = Callable[[str, Config], Any]


@hookspec
def jobq_register_jobs(registry: Registry) -> None:
    """Add handlers that `@job` cannot declare: `registry.add("report:daily", build(), timeout="10m")`."""


@hookspec
def jobq_middleware(config: Config) -> Iterable[Middleware]:
    """Return functions `(ctx, call_next)` that wrap every job of this worker, the outermost first."""
    return ()


@hookspec
def jobq_drivers() -> Mapping[str, OpenDriver]:
    """Return drivers by DSN scheme: `{"redis": open_redis}`, called with the DSN and the configuration."""
    return {}


@hookspec
def jobq_schedules() -> Iterable[Mapping[str, Any]]:
    """Return recurring jobs, each with the keywords of `schedules.add`: `name`, `job`, `cron` and so on."""
    return ()


@hookspec
def jobq_cli(app: Any) -> None:
    """Add commands to `jobq`; `app` is its typer application."""


@hookspec
def jobq_worker_started(worker: SessionInfo) -> None:
    """A worker has registered and begins to claim. Called in the supervisor."""


@hookspec
def jobq_worker_stopping(worker: SessionInfo) -> None:
    """A worker has stopped claiming and waits for its running jobs. Called in the supervisor."""


@hookspec
def jobq_job_enqueued(job: NewJob) -> None:
    """A job has been stored. Called in the process that enqueued it; a deduplicated job calls nothing."""


@hookspec
def jobq_job_started(job: Claim) -> None:
    """An attempt begins. Called in the supervisor."""


@hookspec
def jobq_job_completed(job: Claim, outcome: Completed) -> None:
    """A job has completed, and the store knows it. Called in the supervisor."""


@hookspec
def jobq_job_retrying(job: Claim, outcome: Retried) -> None:
    """An attempt has failed and another follows after `outcome.delay` seconds. Called in the supervisor."""


@hookspec
def jobq_job_failed(job: Claim, outcome: Failed) -> None:
    """A job has become `failed`; `outcome.reason` says why. Called in the supervisor."""


@hookspec
def jobq_job_cancelled(job: Claim, outcome: Cancelled) -> None:
    """A running job has been cancelled. Called in the supervisor."""


@hookspec
def jobq_before_job(ctx: Any) -> None:
    """The handler is about to be called with this `Context`. Called in the process that runs it."""


@hookspec
def jobq_after_job(ctx: Any, outcome: Outcome) -> None:
    """The handler has ended with this outcome. Called in the process that ran it."""
