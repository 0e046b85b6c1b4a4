"""What the driver remembers of one incarnation of a worker."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from time import monotonic

from jobq.drivers.postgres.horizon import Horizon, Written
from jobq.drivers.postgres.lanes import Lanes
from jobq.drivers.postgres.pace import Budget, Pace
from jobq.drivers.postgres.verbs import Wish, as_json
from jobq.drivers.protocol import Demand
from jobq.jobs import SessionInfo
from jobq.rotation import Rotation

_NOTHING = Demand(limit=0, names=frozenset())


class PostgresSession:
    """A registered worker. `number` is its row; `lock` keeps its claims one after the other."""

    def __init__(self, info: SessionInfo, number: int, written: Written) -> None:
        self.info = info
        self.number = number
        self.lock = threading.RLock()
        self.pace = Pace()
        # Whether the store has been told that hints are worth sending.
        self.waiting = False
        # Whether somebody else was faster at the last claim.
        self.contested = False
        # Tokens that were handed out and not settled, as far as this driver knows.
        self.held: set[str] = set()
        # Until then, a claim may succeed whose answer was lost.
        self.doubt_until = 0.0
        self.doubting = Budget(share=0.1, least=1.0)
        self._written = written
        self._want(_NOTHING)

    @property
    def id(self) -> str:
        return self.info.id

    def adopt(self, demand: Demand) -> None:
        """Take over what a demand wants; another wish than before starts from the beginning."""
        if _wish_of(demand) != _wish_of(self._demand):
            self._want(demand)

    def wrote(self, written: Written) -> None:
        """A transaction of this session has committed."""
        self._written = written
        self.horizon.wrote(written)

    def let_go(self, tokens: Iterable[str]) -> None:
        """These were settled."""
        # One step, so that it may happen while another thread claims.
        self.held.difference_update(tokens)

    def start_over(self) -> None:
        """Forget what is known of the table: the server may be another one by now."""
        self._want(self._demand)

    def _want(self, demand: Demand) -> None:
        self._demand = demand
        shares = [(share.queue, share.weight) for share in demand.queues]
        self.lanes = Lanes(Rotation(shares, demand.names, demand.exclude, weighted=demand.weighted))
        self.horizon = Horizon()
        self.horizon.wrote(self._written)
        self.wish = Wish(
            names=as_json(sorted(demand.names)),
            queues=as_json([share.queue for share in demand.queues]),
            exclude=as_json(sorted(demand.exclude)),
        )
        self.looking = Budget(share=0.1, least=0.02)
        # A survey for want of anything else, and one that is due however much there is to do.
        self.surveying = Budget(share=0.02, least=1.0)
        self.patrolling = Budget(share=0.01, least=60.0)
        self.patrolling.spent(monotonic(), monotonic())
        # Where to go on with a survey that was too long for one statement.
        self.survey_rest: int | None = None


def _wish_of(demand: Demand) -> tuple[object, ...]:
    return demand.queues, demand.names, demand.exclude, demand.weighted
