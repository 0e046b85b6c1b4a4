"""Printing jobs: a list, or everything about some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobq.cli import output
from jobq.cli.render.jobs import ending, print_failed, print_job, print_jobs
from jobq.cli.session import Session
from jobq.client import Client
from jobq.jobs import Job, Page

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console


def present_page(session: Session, client: Client, page: Page, *, only_failed: bool = False) -> None:
    """Print a list of jobs; `only_failed` makes it a table of what went wrong."""
    secrets, now = session.config.redact.keys, client.now()
    session.present(
        document=lambda: output.page([output.job_object(job, secrets) for job in page.items], page.next_cursor),
        ids=lambda: [job.id for job in page.items],
        text=lambda console: _print_page(console, page, now, only_failed=only_failed),
    )
    if session.given.json:
        return
    if not page.items:
        session.note("no jobs match")
    if page.next_cursor is not None:
        session.note(f"there are more: --cursor {page.next_cursor}")


def present_jobs(session: Session, client: Client, jobs: Sequence[Job]) -> None:
    """Print everything about jobs."""
    secrets, now = session.config.redact.keys, client.now()
    session.present(
        document=lambda: _document(jobs, secrets),
        ids=lambda: [job.id for job in jobs],
        text=lambda console: _print_jobs(console, jobs, now, secrets),
    )


def present_endings(session: Session, jobs: Sequence[Job]) -> None:
    """Print how jobs have ended, a line each."""
    secrets = session.config.redact.keys
    session.present(
        document=lambda: _document(jobs, secrets),
        ids=lambda: [job.id for job in jobs],
        text=lambda _: _print_endings(jobs, secrets),
    )


def _print_page(console: Console, page: Page, now: datetime, *, only_failed: bool) -> None:
    print_failed(console, page.items, now) if only_failed else print_jobs(console, page.items, now)


def _document(jobs: Sequence[Job], secrets: Sequence[str]) -> object:
    """One job is a document of its own, several are a list."""
    found = [output.job_object(job, secrets) for job in jobs]
    return found[0] if len(found) == 1 else output.page(found)


def _print_jobs(console: Console, jobs: Sequence[Job], now: datetime, secrets: Sequence[str]) -> None:
    for number, job in enumerate(jobs):
        if number:
            console.print()
        print_job(console, job, now, secrets)


def _print_endings(jobs: Sequence[Job], secrets: Sequence[str]) -> None:
    for job in jobs:
        print(ending(job, secrets))
