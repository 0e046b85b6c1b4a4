"""`jobq jobs`: look at jobs, wait for them, cancel and retry them."""

from __future__ import annotations

from typing import Annotated

import typer

from jobq.cli.actions import Cancel, Retry
from jobq.cli.bulk import Consent, carry_out
from jobq.cli.command import Command, new_app
from jobq.cli.inputs import read_ids
from jobq.cli.selection import Listing, Selection
from jobq.cli.session import Session
from jobq.cli.showing import present_endings, present_jobs, present_page
from jobq.cli.values import seconds
from jobq.errors import UsageError
from jobq.jobs import FINAL, State

app = new_app("List, show, wait for, cancel and retry jobs.")

CANCELLABLE = tuple(state.value for state in State if state not in FINAL)
RETRYABLE = (State.FAILED.value, State.CANCELLED.value, State.RETRYING.value, State.SCHEDULED.value)

Ids = Annotated[
    list[str],
    typer.Argument(metavar="ID…", help="Ids, or 6 characters of their beginning or end; - reads them from stdin."),
]
MaybeIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID…]", help="Ids, or 6 characters of their beginning or end; - reads them from stdin."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count.")]


class ListCommand(Command):
    """A command that shows a part of a list."""

    options = Listing


class SelectCommand(Command):
    """A command that does something to what the filters select."""

    options = Selection


@app.command(
    "list",
    cls=ListCommand,
    epilog="""
jobq jobs list --state running
jobq jobs list --name 'email:*' --since 1h --where user.id=7
jobq jobs list --state failed -q | jobq jobs retry -
""",
)
def list_(ctx: typer.Context) -> None:
    """List jobs, newest first."""
    session = Session.of(ctx)
    asked = session.asked(Listing)
    limit, offset, cursor = asked.part()
    with session.client() as client:
        page = client.list(limit=limit, offset=offset, cursor=cursor, **asked.filters())
        present_page(session, client, page)


@app.command("show", cls=Command)
def show(ctx: typer.Context, ids: Ids) -> None:
    """Show everything about jobs."""
    session = Session.of(ctx)
    with session.client() as client:
        present_jobs(session, client, [client.get(client.resolve(part)) for part in read_ids(ids)])


@app.command("wait", cls=Command, epilog="jobq enqueue email:send -q | jobq jobs wait - --timeout 1m")
def wait(
    ctx: typer.Context,
    ids: Ids,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="DURATION", help="How long, for all together. Default: until the end."),
    ] = None,
) -> int:
    """Wait until jobs have ended, and say how."""
    from jobq.cli.waiting import wait_for

    session = Session.of(ctx)
    patience = seconds("--timeout", timeout)
    with session.client() as client:
        jobs = wait_for(session, client, [client.resolve(part) for part in read_ids(ids)], patience)
    present_endings(session, jobs)
    return 0 if all(job.state is State.COMPLETED for job in jobs) else 1


@app.command(
    "cancel",
    cls=SelectCommand,
    epilog="""
jobq jobs cancel 5d41402abc4b --kill
jobq jobs cancel --name 'report:*' --yes --reason "wrong month"
""",
)
def cancel(
    ctx: typer.Context,
    *,
    ids: MaybeIds = None,
    kill: Annotated[bool, typer.Option("--kill", help="End the process of a running job, within 2 s.")] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why, for those who ask later.")
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Cancel jobs: at once if they wait, by asking them if they run."""
    session = Session.of(ctx)
    _require_choice(session, ids, "cancel")
    with session.client() as client:
        action = Cancel(client, kill=kill, reason=reason)
        return carry_out(session, client, action, ids or (), states=CANCELLABLE, consent=Consent(yes, dry_run))


@app.command(
    "retry",
    cls=SelectCommand,
    epilog="""
jobq jobs retry 5d41402abc4b
jobq jobs retry --state failed --name 'email:*' --since 1d --yes
""",
)
def retry(ctx: typer.Context, ids: MaybeIds = None, yes: Yes = False, dry_run: DryRun = False) -> int:
    """Put failed, cancelled, retrying or scheduled jobs back in line now."""
    session = Session.of(ctx)
    _require_choice(session, ids, "retry")
    with session.client() as client:
        return carry_out(session, client, Retry(client), ids or (), states=RETRYABLE, consent=Consent(yes, dry_run))


def _require_choice(session: Session, ids: list[str] | None, verb: str) -> None:
    """Nothing named must not mean everything."""
    if not ids and not session.asked(Selection).selects:
        raise UsageError("which jobs? name ids, or give a filter", hint=f"jobq jobs {verb} --name 'email:*' --dry-run")
