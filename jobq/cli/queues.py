"""`jobq queues`: what waits where."""

from __future__ import annotations

import typer

from jobq.cli import output
from jobq.cli.command import Command, new_app
from jobq.cli.render.others import print_queues
from jobq.cli.session import Session
from jobq.reports import Stats

app = new_app("List the queues and what waits in them.")


@app.command("list", cls=Command)
def list_(ctx: typer.Context) -> None:
    """List the queues, with the number of jobs in each state."""
    session = Session.of(ctx)
    with session.client() as client:
        stats = client.stats()
    session.present(
        document=lambda: output.page([_object(queue, stats) for queue in sorted(stats.queues)]),
        ids=lambda: sorted(stats.queues),
        text=lambda console: print_queues(console, stats),
    )
    if not stats.queues and not session.given.json:
        session.note("no queue holds a job")


def _object(queue: str, stats: Stats) -> dict[str, object]:
    """A queue; `latency` is the age in seconds of the oldest job that could run now."""
    return {"name": queue, "jobs": stats.queues[queue], "latency": stats.latency.get(queue)}
