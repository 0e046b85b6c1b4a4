"""The thread that asks the store for work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import msgspec

from jobq.drivers.protocol import Demand, Driver, Session
from jobq.jobs import Claim
from jobq.worker.errand import Errand, Watch

MOST = 1000
BETWEEN_EMPTY = 0.002


class Claimer:
    """Claims as much as is wanted, and waits for a hint, a due time or the next poll when there is nothing.

    What it claims goes to `deliver` from this thread. `wanted` counts down while a claim is under way, so that
    the engine never asks for the same room twice.
    """

    def __init__(
        self,
        driver: Driver,
        demand: Demand,
        poll_interval: float,
        deliver: Callable[[Sequence[Claim]], None],
        watch: Watch,
    ) -> None:
        self._driver = driver
        self._demand = demand
        self._poll = poll_interval
        self._deliver = deliver
        self._lock = threading.Lock()
        self._wanted = 0
        self._under_way = 0
        self._session: Session | None = None
        self._rest_until = 0.0
        self.errand = Errand("claim", self._turn, watch)
        self.last_look = time.monotonic()
        self.empty_looks = 0
        self.came_full = False

    def serve(self, session: Session | None) -> None:
        """Claim for this session from now on; None stops claiming."""
        with self._lock:
            self._session, self._rest_until = session, 0.0
        self.errand.nudge()

    def want(self, room: int) -> None:
        """There is room for this many in all, those under way included."""
        with self._lock:
            before, self._wanted = self._wanted, max(0, min(MOST, room - self._under_way))
            eager = self._wanted > before == 0
        if eager:
            self.errand.nudge()

    def demand_names(self, names: frozenset[str]) -> None:
        """The handlers have changed."""
        with self._lock:
            self._demand = msgspec.structs.replace(self._demand, names=names)

    def hint(self) -> None:
        """Something may have come in: look now."""
        self._rest_until = 0.0
        self.errand.nudge()

    @property
    def is_wanted(self) -> bool:
        """Whether it should be asking the store."""
        return self._session is not None and self._wanted > 0

    @property
    def is_idle(self) -> bool:
        """Whether no claim is under way."""
        return self._under_way == 0

    def _turn(self) -> float | None:
        with self._lock:
            self.last_look = time.monotonic()
            session, limit = self._session, self._wanted
            if session is None or limit == 0:
                return None
            resting = self._rest_until - time.monotonic()
            if resting > 0:
                return resting
            demand = msgspec.structs.replace(self._demand, limit=limit)
            self._under_way, self._wanted, self._rest_until = limit, 0, time.monotonic() + self._poll
        try:
            claimed = self._driver.claim(session, demand)
        except BaseException:
            with self._lock:
                self._under_way, self._wanted, self._rest_until = 0, limit, 0.0
            raise
        return self._after(len(claimed.claims), limit, claimed.wait, claimed.claims)

    def _after(self, count: int, limit: int, wait: float | None, claims: Sequence[Claim]) -> float | None:
        """Hand over what came, and decide when to look again."""
        rest = 0.0 if count == limit else min(self._poll, self._poll if wait is None else max(BETWEEN_EMPTY, wait))
        # Deliver first: between an idle claimer and an empty delivery a worker that is leaving would sign off.
        self._deliver(claims)
        with self._lock:
            self._under_way = 0
            # A hint that came during the claim has set this to 0: then look again at once.
            self._rest_until = min(self._rest_until, time.monotonic() + rest)
            self.empty_looks = 0 if count else self.empty_looks + 1
            self.came_full = count == limit
            if count < limit:
                self._wanted = max(self._wanted, limit - count)
        return rest
