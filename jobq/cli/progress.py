"""Bars for what takes long, shown to people only."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from jobq.cli.session import Session

# Told how much is done, in all.
Reach = Callable[[int], None]


@contextmanager
def progress(session: Session, title: str, total: int | None) -> Iterator[Reach]:
    """Show a bar on a terminal; what is yielded is told how much is done of `total`, in whatever unit."""
    if not session.shows_progress:
        yield _nobody_watches
        return
    from rich import progress as rich_progress

    columns = (
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.TaskProgressColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(*columns, console=session.error_console, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)


def size_of(file: BinaryIO) -> int | None:
    """How many bytes a file has; None for a pipe."""
    try:
        return os.fstat(file.fileno()).st_size or None
    except OSError:
        return None


def _nobody_watches(done: int) -> None:
    """Take what is done, and show nothing."""
