"""What the driver remembers of a worker between two claims: its place in the rotation, and the lanes it knows.

Lanes are read once: later claims read only those that are new, because a lane's number is never used again. When
lanes that nobody used any more have been taken away, a counter in the store says so and all are read anew.
"""

from __future__ import annotations

from jobq.drivers.protocol import Demand
from jobq.drivers.sqlite.books import Books
from jobq.jobs import SessionInfo
from jobq.rotation import Lane, Rotation


class SqliteSession:
    """One incarnation of a worker.

    `idle` are the lanes this worker serves that had nothing due at the last look, `active` the others, which are
    those in its rotation.
    """

    def __init__(self, info: SessionInfo) -> None:
        self.info = info
        self.idle: dict[int, Lane] = {}
        self.active: dict[Lane, int] = {}
        self._known: dict[int, Lane] = {}
        self._pruned = 0
        self._demand: Demand | None = None
        self._rotation: Rotation | None = None

    @property
    def id(self) -> str:
        """The id under which the worker registered."""
        return self.info.id

    def rotation_for(self, demand: Demand) -> Rotation:
        """The rotation of this demand; a new one when the worker has come to want other queues or names."""
        if self._rotation is None or _kind_of(self._demand) != _kind_of(demand):
            shares = [(share.queue, share.weight) for share in demand.queues]
            self._rotation = Rotation(shares, demand.names, demand.exclude, weighted=demand.weighted)
            self.idle, self.active = self._served(self._known, self._rotation), {}
        self._demand = demand
        return self._rotation

    def learn(self, books: Books, rotation: Rotation, pruned: int) -> None:
        """Read the lanes that are new; all of them when `pruned` says that some have gone."""
        if pruned != self._pruned:
            self._forget_lanes(rotation)
            self._pruned = pruned
        rows = books.all(books.sql.lanes, {"after": max(self._known, default=0)})
        new = {row["id"]: Lane(row["queue"], row["priority"], row["name"], row["partition_key"]) for row in rows}
        self._known.update(new)
        self.idle.update(self._served(new, rotation))

    def activate(self, lane_id: int, rotation: Rotation) -> None:
        """This lane has something due."""
        lane = self.idle.pop(lane_id)
        self.active[lane] = lane_id
        rotation.add(lane)

    def retire(self, lane: Lane, rotation: Rotation) -> None:
        """This lane has been emptied."""
        self.idle[self.active.pop(lane)] = lane
        rotation.discard(lane)

    def _forget_lanes(self, rotation: Rotation) -> None:
        """Places in the rotation are given up too: it happens rarely, and everybody in it starts again in order."""
        for lane in self.active:
            rotation.discard(lane)
        self._known, self.idle, self.active = {}, {}, {}

    def _served(self, lanes: dict[int, Lane], rotation: Rotation) -> dict[int, Lane]:
        return {lane_id: lane for lane_id, lane in lanes.items() if rotation.accepts(lane)}


def _kind_of(demand: Demand | None) -> object:
    return demand and (demand.queues, demand.names, demand.exclude, demand.weighted)
