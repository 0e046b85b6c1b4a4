"""`jobq workers`: who works."""

from __future__ import annotations

import typer

from jobq.cli import output
from jobq.cli.command import Command, new_app
from jobq.cli.render.others import print_workers
from jobq.cli.session import Session

app = new_app("List the workers that are alive.")


@app.command("list", cls=Command)
def list_(ctx: typer.Context) -> None:
    """List the workers that are alive, the oldest first."""
    session = Session.of(ctx)
    with session.client() as client:
        workers, now = client.workers(), client.now()
    session.present(
        document=lambda: output.page(workers),
        ids=lambda: [worker.id for worker in workers],
        text=lambda console: print_workers(console, workers, now),
    )
    if not workers and not session.given.json:
        session.note("no worker is alive; `jobq worker` starts one")
