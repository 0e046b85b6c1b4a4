"""The loop between a store and an executor."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeGuard

from jobq.drivers.protocol import Driver, Session
from jobq.errors import TryAgain, Unreachable
from jobq.jobs import (
    Claim,
    Command,
    HandlerInfo,
    JobFilter,
    SessionInfo,
    SessionState,
    Settled,
    Settlement,
    State,
)
from jobq.policy import RELEASED
from jobq.worker.claimer import Claimer
from jobq.worker.errand import Notice, Watch
from jobq.worker.executor import Asked, Ended, Event, Executor
from jobq.worker.judge import Judge
from jobq.worker.keeper import Keeper
from jobq.worker.messenger import Messenger
from jobq.worker.settings import EngineSettings
from jobq.worker.settler import Settler
from jobq.worker.story import Story
from jobq.worker.tally import Tally

LAST_WORDS = 1.0
FENCE_MARGIN = 3.0
DRAIN_EVERY = 0.2
_OPEN = (State.PENDING, State.RUNNING, State.RETRYING)


class Mode(StrEnum):
    """What the engine is doing."""

    WORKING = "working"
    QUIET = "quiet"
    STOPPING = "stopping"
    INTERRUPTING = "interrupting"
    KILLING = "killing"
    FINISHED = "finished"


class Engine:
    """Keep an executor busy with what a driver gives out, and settle what comes back.

    1. Ask the claimer for as much as the executor has room for.
    2. Submit what it delivers.
    3. Give every end to the settler.
    4. Obey the inbox.
    5. On the way out: release what has not started, wait, interrupt, kill, and sign off.

    `run_once` is called from one thread; the errands have threads of their own and reach it through deques.
    """

    def __init__(
        self,
        driver: Driver,
        executor: Executor,
        settings: EngineSettings,
        judge: Judge,
        *,
        info: Callable[[], SessionInfo],
        notice: Notice,
    ) -> None:
        self.settings = settings
        self.mode = Mode.WORKING
        self.tally = Tally()
        self.overran = False
        self.error: Exception | None = None
        self.commands: deque[Command] = deque()
        self._driver = driver
        self._executor = executor
        self._judge = judge
        self._info = info
        self._notice = notice
        self._session: Session | None = None
        self._handlers: dict[str, HandlerInfo] = {}
        self._delivered: deque[Claim] = deque()
        self._backlog: deque[Claim] = deque()
        self._held: dict[str, str] = {}
        self._claimed = 0
        self._fenced = threading.Event()
        self._deadline = float("inf")
        self._began = time.monotonic()
        self._next_drain_look = 0.0
        self._story = Story(notice, details=settings.details)
        watch = Watch(notice, self._break)
        self._claimer = Claimer(driver, settings.demand, settings.poll_interval, self._deliver, watch)
        self._settler = Settler(driver, self._recorded, watch)
        self._keeper = Keeper(driver, settings.keeper, self._receive, self._fence, watch)
        self._messenger = Messenger(driver, watch)

    # What the supervisor says.

    def start(self) -> None:
        """Register with the store and begin to claim; raises `Unreachable` when there is no store."""
        self._open_session()
        for part in (self._claimer, self._settler, self._keeper, self._messenger):
            part.errand.start()

    def hint(self) -> None:
        """The store has news; from any thread."""
        self._claimer.hint()
        self._keeper.errand.nudge()

    def quiet(self) -> None:
        """Stop claiming and keep what runs."""
        if self.mode is Mode.WORKING:
            self.mode = Mode.QUIET
            self._claimer.serve(None)

    def resume(self) -> None:
        """Claim again."""
        if self.mode is Mode.QUIET:
            self.mode = Mode.WORKING
            self._claimer.serve(self._session)

    def stop(self, timeout: float | None = None) -> None:
        """Leave: what runs may finish for `timeout` seconds (default: as configured)."""
        if self.mode in {Mode.WORKING, Mode.QUIET}:
            self.mode = Mode.STOPPING
            self._claimer.serve(None)
            self._release_unstarted()
            self._deadline = time.monotonic() + (self.settings.shutdown_timeout if timeout is None else timeout)

    def stop_now(self) -> None:
        """Leave at once: interrupt what runs and give it back."""
        self.stop(0.0)
        self._deadline = min(self._deadline, time.monotonic())

    def reload_handlers(self, handlers: Sequence[HandlerInfo]) -> None:
        """The executor can run other things now; the store hears of it, so that they can be enqueued by name."""
        self._take_handlers(handlers)
        self._keeper.announce(self._info())

    def _take_handlers(self, handlers: Sequence[HandlerInfo]) -> None:
        self._handlers = {info.name: info for info in handlers}
        self._claimer.demand_names(frozenset(self._handlers))

    @property
    def is_finished(self) -> bool:
        """Whether everything is settled and signed off."""
        return self.mode is Mode.FINISHED

    @property
    def is_stopping(self) -> bool:
        """Whether it is on its way out."""
        return self.mode not in {Mode.WORKING, Mode.QUIET}

    def is_stuck(self, seconds: float) -> bool:
        """Whether it should be asking for jobs and has not tried for so long; a store that is down is no fault."""
        return self._claimer.is_wanted and time.monotonic() - self._claimer.last_look > seconds

    @property
    def backlog_waits(self) -> bool:
        """Whether the last claim came back full, so that more children would have work."""
        return self._claimer.came_full

    # The loop.

    def run_once(self, timeout: float) -> None:
        """Wait for events, at most `timeout` seconds, and deal with all of them."""
        self._settle([event for event in self._executor.wait(timeout) if self._is_end(event)])
        if self._fenced.is_set():
            self._start_over()
        self._submit()
        self._check_limits()
        self._advance()
        if self.mode is Mode.WORKING:
            self._claimer.want(self._room_for_claims())

    def _is_end(self, event: Event) -> TypeGuard[Ended]:
        """Pass on what a handler asks for; tell whether the event is a job's end."""
        if isinstance(event, Ended):
            return True
        if isinstance(event, Asked):
            self._messenger.put(event)
        elif self._session is not None:
            self._settler.note(self._session, event)
        return False

    def _settle(self, ends: Sequence[Ended]) -> None:
        """Give to the settler what ended under a claim that is still ours."""
        settlements = []
        for ended in ends:
            claim, outcome, elapsed = ended
            if self._held.get(claim.id) == claim.token:
                del self._held[claim.id]
                self._story.tell(ended)
                settlements.append(Settlement(id=claim.id, token=claim.token, outcome=outcome, elapsed=elapsed))
        if settlements and self._session is not None:
            self._settler.put(self._session, settlements)

    def _submit(self) -> None:
        """Hand claims to the executor: in order, and those that must run alone when there is a place for it."""
        while self._delivered:
            claim = self._delivered.popleft()
            self._held[claim.id] = claim.token
            self._backlog.append(claim)
        if not self._backlog:
            self._executor.expect_alone(0)
            return
        if self.is_stopping:
            self._give_back(self._backlog)
            self._backlog.clear()
            return
        self._give_back([claim for claim in self._backlog if claim.name not in self._handlers])
        self._backlog = deque(claim for claim in self._backlog if claim.name in self._handlers)
        crowd = [claim for claim in self._backlog if not claim.alone]
        lone = [claim for claim in self._backlog if claim.alone]
        if self._executor.expect_alone(len(lone)):
            crowd.insert(0, lone.pop(0))
        self._backlog = deque(lone)
        if crowd:
            self._executor.submit([self._judge.assign(claim, self._handlers.get(claim.name)) for claim in crowd])

    def _room_for_claims(self) -> int:
        if self._fenced.is_set() or time.monotonic() > self._keeper.trusted_until - FENCE_MARGIN:
            return 0
        room = self._executor.room()
        left = None if self.settings.max_jobs is None else self.settings.max_jobs - self._claimed
        return max(0, room - len(self._delivered) if left is None else min(room - len(self._delivered), left))

    def _check_limits(self) -> None:
        if self.is_stopping:
            return
        spent = self.settings.max_jobs is not None and self._claimed >= self.settings.max_jobs
        late = self.settings.max_runtime is not None and time.monotonic() - self._began >= self.settings.max_runtime
        if late or (spent and self._is_empty()) or (self.settings.drain and self._is_drained()):
            self.stop()

    def _is_drained(self) -> bool:
        now = time.monotonic()
        if not self._is_empty() or now < self._next_drain_look:
            return False
        self._next_drain_look = now + DRAIN_EVERY
        if self._claimer.empty_looks < 1:
            self._claimer.hint()
            return False
        try:
            waiting = self._count_waiting()
        except (Unreachable, TryAgain):
            return False  # the errands are waiting it out; so does this
        if waiting:
            self._claimer.hint()
        return waiting == 0

    def _count_waiting(self) -> int:
        """How many jobs this worker could still run, now or after a backoff."""
        inspector, demand = self._driver.inspector, self.settings.demand
        if inspector is None:
            return int(self._claimer.empty_looks <= 1)
        if not self._handlers:
            return 0  # no names in a filter would mean every name
        names, queues = tuple(self._handlers), tuple(share.queue for share in demand.queues)
        excluded = (JobFilter(states=_OPEN, names=names, queues=(queue,)) for queue in demand.exclude)
        everything = inspector.count(JobFilter(states=_OPEN, names=names, queues=queues))
        return everything - sum(inspector.count(filter_) for filter_ in excluded)

    def _is_empty(self) -> bool:
        """Whether nothing is claimed and nothing is being claimed or settled."""
        return self._claimer.is_idle and not (self._held or self._delivered or self._backlog or self._settler.unsettled)

    # On the way out.

    def _advance(self) -> None:
        now = time.monotonic()
        if self.mode is Mode.STOPPING:
            if self._is_empty():
                self._sign_off()
            elif now >= self._deadline:
                self._interrupt(now)
        elif self.mode is Mode.INTERRUPTING and (self._is_empty() or now >= self._deadline):
            self.mode, self._deadline = Mode.KILLING, now + LAST_WORDS
            self._executor.kill()
        if self.mode is Mode.KILLING and (self._is_empty() or now >= self._deadline + LAST_WORDS):
            self._sign_off()

    def _interrupt(self, now: float) -> None:
        self._release_unstarted()
        self.overran = bool(self._held or self._settler.unsettled)
        self.mode, self._deadline = Mode.INTERRUPTING, now + LAST_WORDS
        self._executor.interrupt()

    def _release_unstarted(self) -> None:
        self._give_back(self._executor.revoke())

    def _give_back(self, claims: Sequence[Claim]) -> None:
        self._settle([Ended(claim, RELEASED, 0.0) for claim in claims])

    def _sign_off(self) -> None:
        self.mode = Mode.FINISHED
        errands = [part.errand for part in (self._claimer, self._messenger, self._settler, self._keeper)]
        for errand in errands:
            errand.tell_to_stop()
        end = time.monotonic() + LAST_WORDS
        ended = [errand.stop(max(0.0, end - time.monotonic())) for errand in errands]
        if self._session is not None and all(ended) and not self._settler.unsettled:
            try:
                self._driver.close_session(self._session)
            except (Unreachable, TryAgain) as error:
                self._notice("store.unreachable", errand="sign off", error=str(error))

    # Sessions.

    def _open_session(self) -> None:
        self._take_handlers(self._executor.handlers())
        session = self._driver.open_session(self._info(), lease=self.settings.keeper.lease)
        self._session = session
        self._keeper.serve(session, lambda: tuple(self._held.values()))
        if self.mode is Mode.WORKING:
            self._claimer.serve(session)

    def _start_over(self) -> None:
        """The lease was lost: what runs here is somebody else's by now. End it, and begin as a new incarnation."""
        self._notice("lease.lost", jobs=len(self._held), unsettled=self._settler.drop())
        self._claimer.serve(None)
        self._held.clear()
        self._delivered.clear()
        self._backlog.clear()
        self._executor.kill()
        self._session = None
        try:
            self._open_session()
        except (Unreachable, TryAgain) as error:
            self._notice("store.unreachable", errand="register", error=str(error))
            return  # still fenced: the next round tries again
        self._fenced.clear()

    def describe(self, state: SessionState, processes: int) -> None:
        """Tell the store what this worker is doing."""
        self._keeper.describe(state, processes)

    # Called from the errands' threads.

    def _deliver(self, claims: Sequence[Claim]) -> None:
        if claims:
            self._claimed += len(claims)
            self.tally.first_claim = self.tally.first_claim or time.monotonic()
            self._delivered.extend(claims)
            self._executor.wake()
        elif self.settings.drain:
            self._executor.wake()

    def _recorded(self, results: Sequence[tuple[Settlement, Settled]]) -> None:
        for settlement, settled in results:
            self.tally.add(settlement, settled)
            if settled is Settled.LOST:
                self._notice("settlement.stale", job_id=settlement.id)
        if self.is_stopping or self.settings.drain:
            self._executor.wake()

    def _receive(self, command: Command) -> None:
        self.commands.append(command)
        self._executor.wake()

    def _fence(self) -> None:
        self._fenced.set()
        self._executor.wake()

    def _break(self, error: Exception) -> None:
        self.error = error
        self._executor.wake()
