"""`jobq health`: for probes, cron and people in a hurry."""

from __future__ import annotations

import typer

from jobq.cli import output
from jobq.cli.command import Command, new_app
from jobq.cli.render.sums import print_health
from jobq.cli.session import Session
from jobq.errors import CheckFailed
from jobq.reports import Health

app = new_app()


@app.command("health", cls=Command, epilog="jobq health -q || echo nobody works")
def health(ctx: typer.Context) -> int:
    """Say whether somebody works, with the exit code."""
    session = Session.of(ctx)
    with session.client() as client:
        found = client.health()
    session.present(
        document=lambda: _object(found),
        ids=tuple,
        text=lambda console: print_health(console, found),
    )
    for problem in found.problems:
        output.print_note(f"problem: {problem}")
    return CheckFailed.exit_code if found.problems else 0


def _object(health: Health) -> dict[str, object]:
    return {"status": health.status, "workers": health.workers, "jobs": health.jobs, "metrics": health.metrics}
