"""The one seam: a place where jobs wait. Read this file first.

A driver has a few required verbs that mean the same everywhere, and facets that are None when the store cannot
do such a thing, so that a refusal is visible in the type. What a driver is, is defined by the conformance suite
in `jobq.testing.conformance`, not by these signatures.

The laws, each of them a test there:

1. A claimed job is not claimed again before it is settled or its session's lease has ended.
2. A claim settles once. Settling it again with the same token answers `APPLIED` and changes nothing, so that a
   lost reply can be retried; any other token answers `LOST` and changes nothing.
3. A stale claim neither settles nor extends a newer attempt.
4. `LOST` is a value, an expected race. Exceptions mean: unreachable, forbidden, impossible.
5. Lists in, lists out, same order; a batch is one transaction.
6. `insert` refuses what it cannot honour before it stores anything.
7. Order is decided at the claim: queue by queue as asked, then priority, then round robin over partition keys,
   then `run_at`, then insertion.
8. The store's clock decides; a worker's clock only measures durations.
9. An attempt counts at the claim. `Released`, `Snoozed`, `Suspected` and a lost worker take it back.
10. Drivers know nothing of handlers, retry policy, configuration or logging.

Cost of one seam for all stores: SQS keeps a ledger in a SQL driver for what it lacks, and asks more of
`extend` (each receipt) than SQL does (one row for the session, however many jobs it runs).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from jobq.jobs import (
    Claim,
    Command,
    HandlerInfo,
    Inserted,
    Job,
    JobFilter,
    NameStats,
    NewJob,
    Note,
    Page,
    QueueCount,
    SessionInfo,
    SessionState,
    SessionView,
    Settled,
    Settlement,
)


class Capabilities(Struct, frozen=True, kw_only=True):
    """What a driver declares it can do; requirements of handlers are held against it at start."""

    name: str
    durable: bool
    shared: bool
    inline: bool = False
    transactional: bool = False
    max_payload: int | None = None
    max_delay: float | None = None


class Share(Struct, frozen=True):
    """A queue and its weight among the others; the weight matters only in a weighted demand."""

    queue: str
    weight: int = 1


class Demand(Struct, frozen=True, kw_only=True):
    """What a worker can run now.

    No `queues` means all of them, served as one. `names` are the handlers it has loaded: nothing else is
    claimed, and whatever else waits must cost nothing. `weighted` shares turns by weight instead of strictly.
    """

    limit: int
    names: frozenset[str]
    queues: tuple[Share, ...] = ()
    exclude: frozenset[str] = frozenset()
    weighted: bool = False


class Claimed(Struct, frozen=True, kw_only=True):
    """Claims in the order in which they are to start, and when to look again.

    `wait` is the number of seconds until a job that this demand could run falls due, None when none is known.
    """

    claims: tuple[Claim, ...]
    wait: float | None = None


# What `open_session` returned: opaque to everybody but the driver that made it, which keeps there what it needs to
# remember about one incarnation of a worker.
Session: TypeAlias = Any


class Driver(Protocol):
    """A place where jobs wait.

    Every method may be called from any thread, and raises `Unreachable` when the store does not answer.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    def close(self) -> None:
        """Let go of everything. Calling it twice is fine."""

    def insert(self, jobs: Sequence[NewJob], *, connection: Any = None) -> list[Inserted]:
        """Store all of them or none; raises `Conflict` for a taken key with `on_conflict="raise"`.

        `connection` is the caller's own, whose transaction the jobs then share.
        """

    def open_session(self, info: SessionInfo, *, lease: float) -> Session:
        """Register a worker for `lease` seconds, with the handlers it has loaded."""

    def close_session(self, session: Session) -> None:
        """Sign off. What the session still holds counts as lost."""

    def extend(self, session: Session, claims: Collection[str] = ()) -> bool:
        """Keep the lease; False when it was lost, and every claim of the session with it.

        `claims` are the tokens under way. SQL renews one row for the session; SQS needs each receipt.
        """

    def describe(self, session: Session, state: SessionState, processes: int) -> None:
        """Tell the store what the session is doing, for people who look."""

    def claim(self, session: Session, demand: Demand) -> Claimed:
        """Give out up to `demand.limit` jobs that may run now. Never blocks to wait for one.

        Another worker that claims at the same moment may leave this one with fewer than there are; then `wait` is 0.
        """

    def settle(self, session: Session, settlements: Sequence[Settlement]) -> list[Settled]:
        """Record outcomes, each under its claim's token. A job that asked for retention keeps to it later."""

    def inbox(self, session: Session) -> list[Command]:
        """Take what was posted to this session since the last look."""

    def annotate(self, session: Session, notes: Sequence[Note]) -> None:
        """Keep progress and checkpoints of running claims; stale ones are ignored."""

    def listen(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `wake` from any thread when something may have changed. A hint: it may be late, spare or lost."""

    @property
    def inspector(self) -> Inspector | None: ...

    @property
    def operator(self) -> Operator | None: ...

    @property
    def maintainer(self) -> Maintainer | None: ...

    @property
    def migrator(self) -> Migrator | None: ...


class Inspector(Protocol):
    """Looking, without touching."""

    def get(self, id: str) -> Job | None:
        """The job of exactly this id, with its errors."""

    def resolve(self, part: str) -> list[str]:
        """Up to three ids that begin or end with `part`, so that the caller can tell one from many."""

    def find(self, where: JobFilter, *, limit: int, cursor: str | None = None, offset: int = 0) -> Page:
        """Jobs that match, newest first."""

    def count(self, where: JobFilter) -> int:
        """How many jobs match."""

    def counts(self) -> list[QueueCount]:
        """How many jobs are in which state, by queue."""

    def sessions(self) -> list[SessionView]:
        """Workers whose lease is alive, oldest first."""

    def handlers(self) -> list[HandlerInfo]:
        """Every handler that some worker has registered, by name; the newest declaration of each."""

    def finished(self, window: float) -> list[NameStats]:
        """What ended in the last `window` seconds, by name."""

    def now(self) -> datetime:
        """The store's clock."""


class Operator(Protocol):
    """Changing what waits. Each returns the ids that it changed; an id left out was not in a state for it."""

    def cancel(self, ids: Sequence[str], *, kill: bool = False, reason: str | None = None) -> list[str]:
        """Cancel waiting jobs at once; ask the worker of a running one to cancel or kill it."""

    def retry(self, ids: Sequence[str], *, delay: float = 0.0) -> list[str]:
        """Put failed, cancelled, retrying or scheduled jobs back in line, with a new round of attempts."""

    def delete(self, ids: Sequence[str]) -> list[str]:
        """Forget jobs that are not running."""

    def post(self, session: str, command: Command) -> bool:
        """Leave a message in a worker's inbox; False when there is no such worker."""


class Maintainer(Protocol):
    """Duties that repeat. Any number of workers may do them at once; each returns how many jobs it moved."""

    def rescue(self, *, max_losses: int = 20) -> int:
        """Take back the jobs of sessions whose lease has ended, `WorkerLost` in their history."""

    def expire(self) -> int:
        """Cancel jobs whose `expires_at` has passed before they started."""

    def prune(self, *, ages: dict[str, float], limit: int = 1000) -> int:
        """Delete finished jobs that are older than `ages[state]` seconds, at most `limit` at a time."""


class Step(Struct, frozen=True, kw_only=True):
    """One migration: its number, its title, and the SQL that it runs."""

    number: int
    title: str
    sql: str


class Migrator(Protocol):
    """Bringing the store's schema up to what this program needs."""

    def current(self) -> int:
        """The number of the last step that was applied; 0 for none."""

    def pending(self) -> list[Step]:
        """The steps that are still to run, in order."""

    def migrate(self) -> list[Step]:
        """Run them; two at once are safe, and the second finds nothing to do."""
