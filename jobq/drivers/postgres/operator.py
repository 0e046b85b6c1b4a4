"""Changing what waits, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobq.drivers.postgres.connections import Connections
from jobq.drivers.postgres.verbs import Verb, as_json, first_column
from jobq.drivers.statements import Statements
from jobq.jobs import Command


class PostgresOperator:
    """Each bulk action is one statement; what changed comes back in the order that was asked."""

    def __init__(self, connections: Connections, sql: Statements) -> None:
        self._connections = connections
        self._sql = sql

    def cancel(self, ids: Sequence[str], *, kill: bool = False, reason: str | None = None) -> list[str]:
        return self._change(self._sql.cancel, ids, {"kind": "kill" if kill else "cancel", "reason": reason})

    def retry(self, ids: Sequence[str], *, delay: float = 0.0) -> list[str]:
        return self._change(self._sql.retry, ids, {"delay": float(delay)})

    def delete(self, ids: Sequence[str]) -> list[str]:
        return self._change(self._sql.delete, ids, {})

    def post(self, session: str, command: Command) -> bool:
        return self._connections.run(Verb(self._sql.post, {"id": session, "command": as_json(command)}, bool))

    def _change(self, sql: str, ids: Sequence[str], values: dict[str, Any]) -> list[str]:
        if not ids:
            return []
        asked = list(dict.fromkeys(ids))
        changed = set(self._connections.run(Verb(sql, {"ids": as_json(asked), **values}, first_column)))
        return [id for id in asked if id in changed]
