"""Background jobs for Python: a worker daemon with plugin handlers, over Postgres, SQLite, SQS or memory.

    from jobq import job

    @job("email:send", queue="emails", max_attempts=5, timeout="30s")
    def send(payload: dict, ctx) -> dict: ...

    with jobq.connect() as q:
        q.enqueue("email:send", {"to": "a@example.com"})

The public names below are imported when they are first used, so that `jobq --help` and a module that only
declares handlers do not pay for what they do not touch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobq.app import connect as connect
    from jobq.backoff import exponential as exponential
    from jobq.backoff import fixed as fixed
    from jobq.backoff import linear as linear
    from jobq.client import Client as Client
    from jobq.config import Config as Config
    from jobq.config import load_config as load_config
    from jobq.context import Context as Context
    from jobq.errors import JobqError as JobqError
    from jobq.handlers import job as job
    from jobq.hookspecs import hookimpl as hookimpl
    from jobq.jobs import Job as Job
    from jobq.jobs import State as State
    from jobq.results import Discard as Discard
    from jobq.results import Failure as Failure
    from jobq.results import Retry as Retry
    from jobq.results import Snooze as Snooze
    from jobq.results import Success as Success

__version__ = "0.1.0"

_HOMES = {
    "connect": "app",
    "exponential": "backoff",
    "fixed": "backoff",
    "linear": "backoff",
    "Client": "client",
    "Config": "config",
    "load_config": "config",
    "Context": "context",
    "JobqError": "errors",
    "hookimpl": "hookspecs",
    "job": "handlers",
    "Job": "jobs",
    "State": "jobs",
    "Discard": "results",
    "Failure": "results",
    "Retry": "results",
    "Snooze": "results",
    "Success": "results",
}

__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 (names, all of them)


def __getattr__(name: str) -> Any:
    """Import a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'jobq' has no attribute {name!r}")
    return getattr(import_module(f"jobq.{_HOMES[name]}"), name)
