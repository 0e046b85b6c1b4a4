"""`jobq failed`: the dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from jobq.cli.actions import Retry, RetryFailed
from jobq.cli.bulk import Consent, Report, apply, ask, carry_out, choose, present
from jobq.cli.command import Command, new_app
from jobq.cli.inputs import read_ids
from jobq.cli.jobs import DryRun, Ids, ListCommand, MaybeIds, SelectCommand, Yes
from jobq.cli.selection import Listing, Selection
from jobq.cli.session import Session
from jobq.cli.showing import present_jobs, present_page
from jobq.cli.spread import Rate, retry_canaries, retry_spread
from jobq.cli.values import whole
from jobq.client import Client
from jobq.errors import InvalidState, UsageError
from jobq.jobs import State

app = new_app("List, show and retry the jobs that have failed for good.")

FAILED = (State.FAILED.value,)


class ListFailed(ListCommand):
    """Its state is no question."""

    unlisted = frozenset({"state"})


class SelectFailed(SelectCommand):
    """Its state is no question."""

    unlisted = frozenset({"state"})


@app.command("list", cls=ListFailed, epilog="jobq failed list --name 'email:*' --error Timeout --since 1d")
def list_(ctx: typer.Context) -> None:
    """List the jobs that have failed, newest first."""
    session = Session.of(ctx)
    asked = session.asked(Listing)
    _refuse_state(asked)
    limit, offset, cursor = asked.part()
    with session.client() as client:
        page = client.list(limit=limit, offset=offset, cursor=cursor, **asked.filters(states=FAILED))
        present_page(session, client, page, only_failed=True)
    if page.items:
        session.tip("jobq failed show ID says why; jobq failed retry ID… runs them again")


@app.command("show", cls=Command)
def show(ctx: typer.Context, ids: Ids) -> None:
    """Show everything about failed jobs, with the traceback of each attempt."""
    session = Session.of(ctx)
    with session.client() as client:
        jobs = [client.get(client.resolve(part)) for part in read_ids(ids)]
        for job in jobs:
            if job.state is not State.FAILED:
                raise InvalidState(
                    f"job {job.id} is {job.state}, not failed", hint=f"`jobq jobs show {job.id}` shows it"
                )
        present_jobs(session, client, jobs)


@app.command(
    "retry",
    cls=SelectFailed,
    epilog="""
jobq failed retry 5d41402abc4b
jobq failed retry --error Timeout --since 1d --dry-run
jobq failed retry --yes --canary 5 --rate 50/s
""",
)
def retry(
    ctx: typer.Context,
    *,
    ids: MaybeIds = None,
    rate: Annotated[
        str | None, typer.Option("--rate", metavar="N/UNIT", help="Spread them: 50/s, 600/m, 10/30s.")
    ] = None,
    canary: Annotated[
        str | None, typer.Option("--canary", metavar="N", help="Run N of them first; go on only if all complete.")
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Put failed jobs back in line: those that are named, or all that match."""
    session = Session.of(ctx)
    _refuse_state(session.asked(Selection))
    pace = None if rate is None else Rate.parse(rate)
    first = whole("--canary", canary, least=1)
    consent = Consent(yes, dry_run)
    with session.client() as client:
        if pace is None and first is None:
            action = RetryFailed(client) if ids else Retry(client)
            return carry_out(session, client, action, ids or (), states=FAILED, consent=consent)
        return _retry_carefully(session, client, ids or (), pace=pace, first=first or 0, consent=consent)


def _retry_carefully(
    session: Session, client: Client, given: Sequence[str], *, pace: Rate | None, first: int, consent: Consent
) -> int:
    chosen = choose(session, client, given, FAILED)
    if consent.dry_run:
        return present(session, Report(matched=len(chosen.ids)), Retry.done)
    if not chosen.by_id:
        ask(Retry.verb, len(chosen.ids), consent)
    canaries, rest = chosen.ids[:first], chosen.ids[first:]
    report = apply(session, RetryFailed(client), chosen._replace(ids=canaries))
    if unwell := retry_canaries(session, client, report.changed):
        left = Report(matched=len(rest), left=len(rest))
        present(session, report.and_then(left), Retry.done)
        session.warn(f"{unwell}; the other {len(rest):,} stay as they are")
        return 1
    return present(session, report.and_then(retry_spread(session, client, rest, pace)), Retry.done)


def _refuse_state(selection: Selection) -> None:
    if selection.state:
        raise UsageError("`jobq failed` is about failed jobs only", hint="`jobq jobs` takes --state")
