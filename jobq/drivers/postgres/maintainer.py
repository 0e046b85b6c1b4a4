"""Duties that repeat. Any number of workers may do them at once."""

from __future__ import annotations

from time import monotonic

from jobq.drivers.postgres.connections import Connections
from jobq.drivers.postgres.pace import Budget
from jobq.drivers.postgres.verbs import Verb, as_json, first_column
from jobq.drivers.statements import Statements

_AT_A_TIME = 1000


class PostgresMaintainer:
    """Each duty is a statement against the table as it is, never against what was read before."""

    def __init__(self, connections: Connections, sql: Statements) -> None:
        self._connections = connections
        self._sql = sql
        self._looking_for_orphans = Budget(share=0.01, least=60.0)

    def rescue(self, *, max_losses: int = 20) -> int:
        run = self._connections.run
        run(Verb(self._sql.fence, {"healthy_for": self._connections.healthy_for}, len))
        self._adopt_orphans()
        rescued = run(Verb(self._sql.rescue, {"max_losses": max_losses}, len))
        run(Verb(self._sql.forget_sessions, {}, len))
        return rescued

    def expire(self) -> int:
        expired = 0
        while True:
            batch = self._connections.run(Verb(self._sql.expire, {"limit": _AT_A_TIME}, len))
            expired += batch
            if batch < _AT_A_TIME:
                return expired

    def prune(self, *, ages: dict[str, float], limit: int = 1000) -> int:
        if not ages:
            return 0
        asked = [{"state": str(state), "age": age} for state, age in ages.items()]
        values = {"ages": as_json(asked), "youngest": float(min(ages.values())), "limit": limit}
        return self._connections.study(Verb(self._sql.prune, values, len))

    def _adopt_orphans(self) -> None:
        """Now and then, find jobs of sessions whose rows somebody has deleted."""
        began = monotonic()
        if not self._looking_for_orphans.is_due(began):
            return
        orphans = self._connections.study(Verb(self._sql.orphans, {}, first_column))
        if orphans:
            sessions = [str(number) for number in orphans]
            self._connections.run(Verb(self._sql.adopt_orphans, {"sessions": as_json(sessions)}, len))
        self._looking_for_orphans.spent(began, monotonic())
