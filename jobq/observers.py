"""Telling plugins what happens: the events of the plugin contract, at no cost when nobody listens.

An observer watches and decides nothing: what it raises is logged and changes no outcome.
"""

from __future__ import annotations

from typing import assert_never

from jobq.jobs import Cancelled, Completed, Failed, Outcome, Released, Retried, Snoozed, Suspected
from jobq.plugins import Plugins


class Observers:
    """Calls the observing hooks of loaded plugins."""

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins
        self._heard = frozenset(hook for hook in HOOKS if getattr(plugins.manager.hook, hook).get_hookimpls())

    def hears(self, hook: str) -> bool:
        """Whether any plugin implements this hook; ask first where the facts cost something."""
        return hook in self._heard

    def tell(self, hook: str, **facts: object) -> None:
        """Call a hook of every plugin that implements it."""
        if hook not in self._heard:
            return
        from jobq.telemetry import get_log

        for failure in self._plugins.notify(hook, facts):
            get_log(plugin=failure.plugin).error("plugin.hook_failed", hook=hook, error=repr(failure.error))


HOOKS = (
    "jobq_worker_started",
    "jobq_worker_stopping",
    "jobq_job_enqueued",
    "jobq_job_started",
    "jobq_job_completed",
    "jobq_job_retrying",
    "jobq_job_failed",
    "jobq_job_cancelled",
    "jobq_before_job",
    "jobq_after_job",
)


def hook_of(outcome: Outcome) -> str | None:
    """The event of an outcome; None for those that only put a job back in line."""
    match outcome:
        case Completed():
            return "jobq_job_completed"
        case Retried():
            return "jobq_job_retrying"
        case Failed():
            return "jobq_job_failed"
        case Cancelled():
            return "jobq_job_cancelled"
        case Snoozed() | Released() | Suspected():
            return None
        case _:
            assert_never(outcome)
