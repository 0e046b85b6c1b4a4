"""`jobq stats`: how things stand, and what happened lately."""

from __future__ import annotations

from typing import Annotated

import typer

from jobq.cli.command import Command, new_app
from jobq.cli.render.sums import print_stats
from jobq.cli.session import Session
from jobq.durations import parse_duration
from jobq.errors import InvalidValue

app = new_app()
WINDOW = "1h"


@app.command("stats", cls=Command, epilog="jobq stats --window 24h --json")
def stats(
    ctx: typer.Context,
    window: Annotated[
        str | None, typer.Option("--window", metavar="DURATION", help="How far to look back. Default: 1h.")
    ] = None,
) -> None:
    """Sum up how things stand and what happened lately."""
    session = Session.of(ctx)
    seconds = parse_duration(window or WINDOW, what="--window")
    if seconds <= 0:
        raise InvalidValue("--window must be more than 0 seconds")
    with session.client() as client:
        found = client.stats(seconds)
    session.present(
        document=lambda: found,
        ids=lambda: sorted(found.queues),
        text=lambda console: print_stats(console, found),
    )
