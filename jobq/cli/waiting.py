"""Waiting for jobs, with a sign of life on a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from jobq.cli.session import Session
from jobq.client import Client
from jobq.jobs import Job


def wait_for(session: Session, client: Client, ids: Sequence[str], timeout: float | None) -> list[Job]:
    """Wait until all jobs have ended; `timeout` is in seconds and for all together. Raises `TryAgain`."""
    end = None if timeout is None else time.monotonic() + timeout
    jobs: list[Job] = []
    if ids and not client.get(ids[0]).state.is_final and not client.workers():
        session.note("no worker is alive; `jobq worker` starts one")
    with spinner(session, f"waiting for {ids[0] if len(ids) == 1 else f'{len(ids):,} jobs'}"):
        for id in ids:
            left = None if end is None else max(0.0, end - time.monotonic())
            jobs.append(client.wait(id, timeout=left))
    return jobs


@contextmanager
def spinner(session: Session, text: str) -> Iterator[None]:
    """Show that something is going on, to people who watch."""
    if not session.shows_progress:
        yield
        return
    with session.error_console.status(text):
        yield
