"""`ctx.complete`: settling on the handler's own database connection, inside its transaction.

Which store a connection belongs to is told by the module of its class, so that a child imports only the driver
whose library the handler has imported already.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from jobq.errors import Unsupported
from jobq.jobs import Settlement

_HOMES = {"psycopg": "jobq.drivers.postgres.completion", "sqlite3": "jobq.drivers.sqlite.completion"}


def settle_on(connection: Any, settlement: Settlement) -> None:
    """Record a completion on a psycopg or sqlite3 connection; raises `Conflict` when the claim was lost."""
    for kind in type(connection).__mro__:
        home = _HOMES.get(kind.__module__.partition(".")[0])
        if home is not None:
            import_module(home).settle_on(connection, settlement)
            return
    raise Unsupported(
        f"ctx.complete cannot settle on a {type(connection).__name__}", hint="pass a psycopg or sqlite3 connection"
    )
