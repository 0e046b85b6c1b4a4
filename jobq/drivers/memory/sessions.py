"""A worker's registration in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from jobq.drivers.protocol import Demand
from jobq.jobs import Command, SessionInfo, SessionState, SessionView
from jobq.rotation import Rotation


@dataclass(slots=True)
class MemorySession:
    """One incarnation: its lease, its inbox, and its place in the rotation."""

    info: SessionInfo
    lease: float
    started_at: datetime
    lease_until: datetime
    state: SessionState = SessionState.RUNNING
    processes: int = 0
    inbox: list[Command] = field(default_factory=list)
    _demand: Demand | None = None
    _rotation: Rotation | None = None

    @property
    def id(self) -> str:
        return self.info.id

    def rotation_for(self, demand: Demand) -> Rotation:
        """The rotation of this demand; a new one when the worker has come to want other queues or names."""
        old = self._demand
        same = old is not None and (old.queues, old.names, old.exclude, old.weighted) == (
            demand.queues,
            demand.names,
            demand.exclude,
            demand.weighted,
        )
        if self._rotation is None or not same:
            shares = [(share.queue, share.weight) for share in demand.queues]
            self._rotation = Rotation(shares, demand.names, demand.exclude, weighted=demand.weighted)
        self._demand = demand
        return self._rotation

    def as_view(self, running: int) -> SessionView:
        """What `jobq workers list` shows."""
        info = self.info
        return SessionView(
            id=info.id,
            name=info.name,
            host=info.host,
            pid=info.pid,
            version=info.version,
            state=self.state,
            queues=info.queues,
            names=tuple(handler.name for handler in info.handlers),
            processes=self.processes or info.processes,
            concurrency=info.concurrency,
            running=running,
            started_at=self.started_at,
            lease_until=self.lease_until,
        )
