"""The stable names of what jobq logs: a contract with dashboards and alerts, like a column's name."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """The stable names of what jobq logs; dashboards and alerts may rely on them.

    Every `job.*` event carries `job_id, job_name, queue, attempt, worker`, and `duration` in seconds once the
    attempt has ended.
    """

    JOB_ENQUEUED = "job.enqueued"
    JOB_STARTED = "job.started"
    JOB_COMPLETED = "job.completed"
    JOB_RETRYING = "job.retrying"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    JOB_SNOOZED = "job.snoozed"
    JOB_RELEASED = "job.released"
    JOB_TIMED_OUT = "job.timed_out"
    JOB_CRASHED = "job.crashed"
    JOB_LOST = "job.lost"
    JOB_RESULT_UNSTORABLE = "job.result_unstorable"
    JOB_ON_FAILED_ERROR = "job.on_failed_error"
    JOB_OUTPUT = "job.output"
    WORKER_STARTED = "worker.started"
    WORKER_READY = "worker.ready"
    WORKER_QUIET = "worker.quiet"
    WORKER_RESUMED = "worker.resumed"
    WORKER_SCALED = "worker.scaled"
    WORKER_STOPPING = "worker.stopping"
    WORKER_STOPPED = "worker.stopped"
    WORKER_RELOADED = "worker.reloaded"
    WORKER_RELOAD_FAILED = "worker.reload_failed"
    WORKER_DUMP = "worker.dump"
    CHILD_STARTED = "child.started"
    CHILD_EXITED = "child.exited"
    CHILD_HUNG = "child.hung"
    CHILD_REPLACED = "child.replaced"
    LEASE_LOST = "lease.lost"
    CLAIM_STALE = "claim.stale"
    STORE_UNREACHABLE = "store.unreachable"
    STORE_BACK = "store.back"
    STORE_MIGRATED = "store.migrated"
    JOBS_RESCUED = "jobs.rescued"
    JOBS_EXPIRED = "jobs.expired"
    JOBS_PRUNED = "jobs.pruned"
    PLUGIN_LOADED = "plugin.loaded"
    PLUGIN_BROKEN = "plugin.broken"
    PLUGIN_HOOK_FAILED = "plugin.hook_failed"
    METRICS = "metrics"
    LOG_DROPPED = "log.dropped"
