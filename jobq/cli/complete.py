"""What Tab knows: states, and the names and queues that the store knows.

Called while somebody types, so that it is quick or silent: a store that does not answer within a second, and every
other mistake, is no words at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from jobq.errors import JobqError

if TYPE_CHECKING:
    from jobq.client import Client

PATIENCE = "1s"


def states() -> list[str]:
    """The states of jobs."""
    from jobq.jobs import State

    return [*State]


def names(ctx: typer.Context) -> list[str]:
    """The names of handlers."""
    return _ask(ctx, lambda client: [info.name for info in client.handlers()])


def queues(ctx: typer.Context) -> list[str]:
    """The queues that hold jobs."""
    return _ask(ctx, lambda client: sorted({count.queue for count in client.counts()}))


def _ask(ctx: Any, question: Callable[[Client], list[str]]) -> list[str]:
    from dataclasses import replace

    from jobq.cli.options import given_of
    from jobq.cli.session import Session

    try:
        session = Session(replace(given_of(ctx), connect_timeout=PATIENCE, quiet=True), None)
        if session.missing_default() is not None:
            return []
        with session.client() as client:
            return question(client)
    except (JobqError, OSError):
        return []
