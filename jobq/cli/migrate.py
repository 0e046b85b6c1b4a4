"""`jobq migrate`: the store's tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from jobq.cli import output
from jobq.cli.command import Command, new_app
from jobq.cli.session import Session
from jobq.client import Client
from jobq.drivers.protocol import Migrator, Step
from jobq.errors import CheckFailed, Unsupported, UsageError

app = new_app()


@app.command(
    "migrate", cls=Command, epilog="jobq migrate --plan\njobq migrate --sql > jobq.sql\njobq migrate --check || exit"
)
def migrate(
    ctx: typer.Context,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be done, and do nothing.")] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL that would be run, and do nothing.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 5 when something is to be done.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accepted for scripts; this never asks.")] = False,  # noqa: ARG001
) -> int:
    """Bring the store's tables up to date."""
    session = Session.of(ctx)
    if sum((plan, sql, check)) > 1:
        raise UsageError("--plan, --sql and --check are three questions", hint="ask one at a time")
    with session.client() as client:
        migrator = _migrator(client)
        current, pending = migrator.current(), migrator.pending()
        if sql:
            return _present_sql(session, pending)
        if plan or check:
            _present(session, current, pending, ())
            return CheckFailed.exit_code if check and pending else 0
        _say(session, "to do", pending)
        _present(session, current, (), migrator.migrate())
    return 0


def _migrator(client: Client) -> Migrator:
    migrator = client.driver.migrator
    if migrator is None:
        name = client.driver.capabilities.name
        raise Unsupported(f"{name} has no tables to migrate", hint="this is for postgresql:// and sqlite://")
    return migrator


def _present(session: Session, before: int, pending: Sequence[Step], applied: Sequence[Step]) -> None:
    """Say where the schema stands: what was done, or what is to be done."""
    current = applied[-1].number if applied else before
    document = {"current": current, "pending": _objects(pending), "applied": _objects(applied)}
    session.present(document=lambda: document, ids=tuple, text=lambda _: _print(current, pending, applied))


def _print(current: int, pending: Sequence[Step], applied: Sequence[Step]) -> None:
    for step in applied:
        print(f"done   {_line(step)}")
    for step in pending:
        print(f"to do  {_line(step)}")
    if not pending:
        print(f"the tables are up to date, at step {current}")


def _say(session: Session, what: str, steps: Sequence[Step]) -> None:
    for step in steps:
        session.note(f"{what}  {_line(step)}")


def _present_sql(session: Session, pending: Sequence[Step]) -> int:
    session.present(
        document=lambda: output.page([{**_object(step), "sql": step.sql} for step in pending]),
        ids=tuple,
        text=lambda _: print("\n".join(f"-- {_line(step)}\n{step.sql.strip()}\n" for step in pending), end=""),
    )
    if not pending and not session.given.json:
        session.note("nothing to do")
    return 0


def _line(step: Step) -> str:
    return f"{step.number:04}  {step.title}"


def _object(step: Step) -> dict[str, object]:
    return {"number": step.number, "title": step.title}


def _objects(steps: Sequence[Step]) -> list[dict[str, object]]:
    return [_object(step) for step in steps]
