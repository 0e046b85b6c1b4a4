"""`jobq handlers`: which functions handle which jobs, and whether they are well declared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from jobq.cli import output
from jobq.cli.command import Command, new_app
from jobq.cli.complete import names
from jobq.cli.fields import fields_of
from jobq.cli.findings import Finding, findings_of
from jobq.cli.render.others import print_findings, print_handler, print_handlers
from jobq.cli.session import Session
from jobq.errors import CheckFailed, NotFound, Unreachable
from jobq.jobs import HandlerInfo
from jobq.names import near

app = new_app("List, show and check the handlers.")


@app.command("list", cls=Command)
def list_(ctx: typer.Context) -> None:
    """List the handlers of this installation and of all workers."""
    session = Session.of(ctx)
    handlers = _handlers(session)
    here = session.plugins.registry.names()
    session.present(
        document=lambda: output.page([_object(info, here) for info in handlers]),
        ids=lambda: [info.name for info in handlers],
        text=lambda console: print_handlers(console, handlers),
    )
    if not handlers and not session.given.json:
        session.note("no handlers; `jobq init` writes a first one")


@app.command("show", cls=Command)
def show(
    ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="Its name.", autocompletion=names)]
) -> None:
    """Show what a handler declares, and what holds where it declares nothing."""
    session = Session.of(ctx)
    handlers = {info.name: info for info in _handlers(session)}
    if name not in handlers:
        close = near(name, handlers)
        hint = f"did you mean {' or '.join(close)}?" if close else "`jobq handlers list` shows what there is"
        raise NotFound(f"no handler for {name!r:.220}", hint=hint)
    info, registry = handlers[name], session.plugins.registry
    fields = fields_of(registry.schema_of(name))
    session.present(
        document=lambda: _object(info, registry.names()) | {"fields": fields},
        ids=lambda: [name],
        text=lambda console: print_handler(console, info, session.config.defaults, fields),
    )


@app.command("check", cls=Command, epilog="jobq handlers check --strict")
def check(
    ctx: typer.Context,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail the check too.")] = False,
) -> int:
    """Say what is wrong with plugins and handlers: exit code 5 if they cannot be loaded."""
    session = Session.of(ctx)
    plugins = session.load_plugins(skip_broken=True)
    findings = findings_of(plugins, session.config)
    failed = [finding for finding in findings if strict or finding.level == "error"]
    session.present(
        document=lambda: _check_object(findings, failed, len(plugins.registry)),
        ids=lambda: sorted({finding.subject for finding in findings}),
        text=lambda console: print_findings(console, findings, len(plugins.registry)),
    )
    return CheckFailed.exit_code if failed else 0


def _handlers(session: Session) -> Sequence[HandlerInfo]:
    """Those of this installation and of the store; without a store, those of this installation."""
    registry = session.plugins.registry
    try:
        with session.client(handlers=True) as client:
            return client.handlers()
    except Unreachable as error:
        session.warn(f"{error.message}; so these are only the handlers of this installation")
        return registry.infos()


def _object(info: HandlerInfo, here: frozenset[str]) -> dict[str, object]:
    """A handler as it was declared; `loaded` says whether this installation has it."""
    return {**output.plain(info), "loaded": info.name in here}


def _check_object(findings: Sequence[Finding], failed: Sequence[Finding], handlers: int) -> dict[str, object]:
    status = "failed" if failed else "warnings" if findings else "ok"
    return {"status": status, "handlers": handlers, **output.page(findings)}
