"""The thread that keeps a worker's place in the store, and does its share of everybody's chores."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from jobq.drivers.protocol import Driver, Session
from jobq.jobs import Command, SessionInfo, SessionState
from jobq.worker.errand import Errand, Watch
from jobq.worker.settings import KeeperSettings

INBOX_EVERY = 0.9
RESCUE_EVERY = 5.0
EXPIRE_EVERY = 5.0
PRUNE_EVERY = 60.0


class Keeper:
    """Keeps the lease and reads the inbox; rescues, expires and prunes.

    `obey` gets commands and `fenced` is called once when the lease was lost, both from this thread.
    """

    def __init__(
        self,
        driver: Driver,
        settings: KeeperSettings,
        obey: Callable[[Command], None],
        fenced: Callable[[], None],
        watch: Watch,
    ) -> None:
        self._driver = driver
        self._settings = settings
        self._obey = obey
        self._fenced = fenced
        self._notice = watch.notice
        self._session: Session | None = None
        self._claims: Callable[[], Sequence[str]] = tuple
        self._description: tuple[SessionState, int] | None = None
        self._described: tuple[SessionState, int] | None = None
        self._due: dict[str, float] = {}
        self._announcement: SessionInfo | None = None
        self.trusted_until = 0.0
        self.errand = Errand("keep", self._turn, watch)

    def serve(self, session: Session, claims: Callable[[], Sequence[str]]) -> None:
        """Keep this session; `claims` lists the tokens under way."""
        self._session, self._claims, self._described = session, claims, None
        self._due = {duty: time.monotonic() + random.uniform(0, 1) for duty in ("rescue", "expire", "prune")}  # noqa: S311
        self.trusted_until = time.monotonic() + self._settings.lease
        self.errand.nudge()

    def forget(self) -> None:
        """Keep nothing any more."""
        self._session = None

    def announce(self, info: SessionInfo) -> None:
        """Register handlers that were loaded later, through a registration of their own that ends at once."""
        self._announcement = info
        self.errand.nudge()

    def describe(self, state: SessionState, processes: int) -> None:
        """Say at the next turn what the worker is doing."""
        if self._description != (state, processes):
            self._description = (state, processes)
            self.errand.nudge()

    def _turn(self) -> float | None:
        session = self._session
        if session is None:
            return None
        if self._is_due("extend", self._settings.lease / 4) and not self._extend(session):
            return None
        for command in self._driver.inbox(session):
            self._obey(command)
        if self._announcement is not None:
            self._driver.close_session(self._driver.open_session(self._announcement, lease=self._settings.lease))
            self._announcement = None
        if self._description is not None and self._description != self._described:
            state, processes = self._described = self._description
            self._driver.describe(session, state, processes)
        self._do_chores()
        return INBOX_EVERY

    def _extend(self, session: Session) -> bool:
        asked = time.monotonic()
        if self._driver.extend(session, self._claims()):
            self.trusted_until = asked + self._settings.lease
            return True
        self._session = None
        self._fenced()
        return False

    def _do_chores(self) -> None:
        maintainer = self._driver.maintainer
        if maintainer is None:
            return
        if self._is_due("rescue", RESCUE_EVERY) and (rescued := maintainer.rescue()):
            self._notice("jobs.rescued", jobs=rescued)
        if self._is_due("expire", EXPIRE_EVERY) and (expired := maintainer.expire()):
            self._notice("jobs.expired", jobs=expired)
        if self._settings.ages and self._is_due("prune", PRUNE_EVERY):
            maintainer.prune(ages=self._settings.ages)

    def _is_due(self, duty: str, every: float) -> bool:
        """Whether it is time; each worker strays by a fifth, so that they do not all come at once."""
        now = time.monotonic()
        if now < self._due.get(duty, 0.0):
            return False
        self._due[duty] = now + every * random.uniform(0.8, 1.2)  # noqa: S311
        return True
