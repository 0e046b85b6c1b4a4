"""Settling inside a handler's own transaction, on the connection with which it writes its effects."""

from __future__ import annotations

import psycopg

from jobq.drivers.postgres.producing import joined
from jobq.drivers.postgres.settling import settle_within
from jobq.drivers.postgres.verbs import Verbs
from jobq.drivers.statements import statements_of
from jobq.errors import Conflict
from jobq.jobs import Settled, Settlement


def settle_on(connection: psycopg.Connection[object], settlement: Settlement) -> None:
    """Record an outcome as part of the caller's transaction, which the caller commits.

    The effects and the completion then happen both or neither; settling the same claim again, as the worker does
    when the handler returns, changes nothing. Raises `Conflict` when the claim was lost, so that the handler does
    not commit what another attempt has done or will do, and `InvalidValue` for a connection that is not in a
    transaction.
    """
    with joined(connection) as run:
        settled = settle_within(run, Verbs(statements_of("jobq.drivers.postgres")), settlement)
    if settled is Settled.LOST:
        raise Conflict(
            f"the claim of job {settlement.id} was lost, so it cannot be completed here",
            hint="roll back: another attempt runs, or has run",
        )
