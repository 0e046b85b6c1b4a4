"""What a worker was told, for each of its parts."""

from __future__ import annotations

from dataclasses import dataclass, field

from jobq.drivers.protocol import Demand


@dataclass(frozen=True, kw_only=True)
class KeeperSettings:
    """`lease` in seconds; `ages` says for each final state after how many seconds its jobs are pruned."""

    lease: float = 20.0
    ages: dict[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class PoolSettings:
    """What the pool keeps to. Times are seconds, memory is bytes; None means no such limit."""

    processes: int
    concurrency: int
    kill_grace: float = 2.0
    hang_timeout: float = 300.0
    max_jobs_per_child: int | None = None
    max_memory_per_child: int | None = None


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """How a worker works. Times are seconds; None means no such limit.

    `drain` ends when nothing that this worker can run is pending, running or retrying. `details` also logs jobs to
    which nothing happened but that they were done.
    """

    demand: Demand
    keeper: KeeperSettings = field(default_factory=KeeperSettings)
    poll_interval: float = 1.0
    shutdown_timeout: float = 30.0
    drain: bool = False
    max_jobs: int | None = None
    max_runtime: float | None = None
    details: bool = False
