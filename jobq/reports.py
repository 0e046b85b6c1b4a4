"""What `stats` and `health` answer, put together from a driver's counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from jobq.jobs import NameStats, QueueCount, SessionState, SessionView, State


class Stats(Struct, frozen=True, kw_only=True):
    """How things stand, and what happened in the last `window` seconds.

    `latency` is the age in seconds of the oldest job that could run now, by queue.
    """

    window: float
    jobs: dict[str, int]
    queues: dict[str, dict[str, int]]
    latency: dict[str, float]
    names: tuple[NameStats, ...]
    throughput: float
    workers: int


class Health(Struct, frozen=True, kw_only=True):
    """Whether somebody is working: `status` is `healthy`, or `unhealthy` with `problems`."""

    status: str
    workers: dict[str, int]
    jobs: dict[str, int]
    metrics: dict[str, object]
    problems: tuple[str, ...] = ()


def by_state(counts: Sequence[QueueCount]) -> dict[str, int]:
    """Jobs in each state, zeros included."""
    totals = dict.fromkeys((state.value for state in State), 0)
    for count in counts:
        totals[count.state.value] += count.jobs
    return totals


def make_stats(
    counts: Sequence[QueueCount],
    names: Sequence[NameStats],
    sessions: Sequence[SessionView],
    window: float,
    now: datetime,
) -> Stats:
    """Sum up."""
    queues: dict[str, dict[str, int]] = {}
    latency: dict[str, float] = {}
    for count in counts:
        queues.setdefault(count.queue, dict.fromkeys(map(str, State), 0))[count.state.value] = count.jobs
        if count.state is State.PENDING and count.oldest is not None:
            latency[count.queue] = max(0.0, (now - count.oldest).total_seconds())
    done = sum(name.completed + name.failed for name in names)
    return Stats(
        window=window,
        jobs=by_state(counts),
        queues=queues,
        latency=latency,
        names=tuple(names),
        throughput=done / window,
        workers=len(sessions),
    )


def make_health(
    counts: Sequence[QueueCount], names: Sequence[NameStats], sessions: Sequence[SessionView], handlers: Sequence[str]
) -> Health:
    """Judge: jobs that could run and nobody who runs any is unhealthy."""
    jobs = by_state(counts)
    active = sum(session.running > 0 for session in sessions)
    problems = []
    if not sessions:
        problems.append("no worker is alive")
    elif jobs[State.PENDING] and all(session.state is not SessionState.RUNNING for session in sessions):
        problems.append("jobs wait, and every worker is quiet or stopping")
    processed = sum(name.completed + name.failed for name in names)
    spent = sum((name.average or 0.0) * (name.completed + name.failed) for name in names)
    return Health(
        status="unhealthy" if problems else "healthy",
        workers={"total": len(sessions), "active": active, "idle": len(sessions) - active},
        jobs=jobs,
        metrics={
            "processed": processed,
            "average_seconds": spent / processed if processed else None,
            "handlers": list(handlers),
        },
        problems=tuple(problems),
    )
