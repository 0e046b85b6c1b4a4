"""The thread that records outcomes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from jobq.drivers.protocol import Driver, Session
from jobq.jobs import Settled, Settlement
from jobq.worker.errand import Errand, Watch

MOST = 1000

Recorded = Callable[[Sequence[tuple[Settlement, Settled]]], None]


class Settler:
    """Settles whatever has gathered while the last batch was under way.

    A batch that fails for want of a store is tried again as it is: the token makes that safe, and its jobs are
    not forgotten for as long as this process lives. What was recorded goes to `recorded` from this thread.
    """

    def __init__(self, driver: Driver, recorded: Recorded, watch: Watch) -> None:
        self._driver = driver
        self._recorded = recorded
        self._lock = threading.Lock()
        self._waiting: list[tuple[Session, Settlement]] = []
        self.errand = Errand("settle", self._turn, watch)

    def put(self, session: Session, settlements: Sequence[Settlement]) -> None:
        """Record these under the session that claimed them."""
        with self._lock:
            self._waiting += [(session, settlement) for settlement in settlements]
        self.errand.nudge()

    def drop(self) -> int:
        """The session was lost and everything with it; returns how many settlements that concerns."""
        with self._lock:
            count = len(self._waiting)
            self._waiting.clear()
            return count

    @property
    def unsettled(self) -> int:
        """How many outcomes the store does not have yet."""
        return len(self._waiting)

    def _turn(self) -> float | None:
        with self._lock:
            batch = self._waiting[:MOST]
        if not batch:
            return None
        session = batch[0][0]
        part = [settlement for owner, settlement in batch if owner is session]
        results = self._driver.settle(session, part)
        with self._lock:
            done = {id(settlement) for settlement in part}
            self._waiting = [item for item in self._waiting if id(item[1]) not in done]
        self._recorded(list(zip(part, results, strict=True)))
        return 0.0 if self._waiting else None
