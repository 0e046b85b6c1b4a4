"""`jobq run`: one job, here and now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import typer

from jobq.app import make_client, open_driver
from jobq.cli import output
from jobq.cli.command import Command, new_app
from jobq.cli.complete import names
from jobq.cli.enqueue import Assign, Payload
from jobq.cli.failure import Terminated
from jobq.cli.guard import Guard, RanTooLong, stdout_to_stderr
from jobq.cli.inputs import read_payload
from jobq.cli.notices import configure
from jobq.cli.session import Session
from jobq.cli.values import seconds as read_seconds
from jobq.durations import format_duration
from jobq.errors import InvalidValue, JobFailed
from jobq.plugins import Plugins

app = new_app()

EXAMPLES = """
jobq run email:send '{"to": "ada@example.com"}'
jobq run report:daily @report.json --timeout 1m
jobq run image:resize -a path=a.png --pdb
"""
LONGEST = 10 * 365 * 86400.0
# A handler says so itself; where it does is of no interest.
ASKED_FOR = frozenset({"Discard", "Retry", "Snooze"})

Name = Annotated[str, typer.Argument(metavar="NAME", help="The job's name.", autocompletion=names)]
PayloadOption = Annotated[
    str | None,
    typer.Option("--payload", metavar="JSON|@FILE|-", envvar="JOBQ_RUN_PAYLOAD", help="The payload, as an option."),
]
Timeout = Annotated[
    str | None, typer.Option("--timeout", metavar="DURATION", help="How long it may run. Default: the handler's.")
]
Pdb = Annotated[bool, typer.Option("--pdb", help="Open the debugger where it raises.")]


@app.command("run", cls=Command, epilog=EXAMPLES)
def run(
    ctx: typer.Context,
    *,
    name: Name,
    payload: Payload = None,
    payload_option: PayloadOption = None,
    assign: Assign = None,
    timeout: Timeout = None,
    pdb: Pdb = False,
) -> int:
    """Run one job here and now, without a queue."""
    session = Session.of(ctx)
    limit = read_seconds("--timeout", timeout)
    if limit == 0:
        raise InvalidValue("--timeout must be more than 0 seconds")
    value = read_payload(payload, payload_option, assign)
    if pdb:
        return _present(session, name, _perform(session, name, value, limit or LONGEST, _debugging(session.plugins)))
    guard = Guard()
    if not guard.works:
        return guard.wait()
    handler = session.plugins.registry.get(name)
    allowed = limit or handler.timeout or session.config.defaults.timeout
    with stdout_to_stderr(), guard.running(allowed + session.config.worker.kill_grace):
        result = _perform(session, name, value, allowed, session.plugins)
    return _present(session, name, result)


def _perform(session: Session, name: str, payload: Any, allowed: float, plugins: Plugins) -> Any:
    """Run the job and return its result; raises what it came to instead."""
    writer = configure(session.config, session.log_level, session.color)
    try:
        with make_client(open_driver("memory://"), session.config, plugins) as client:
            return client.run(name, payload, timeout=allowed)
    except JobFailed as error:
        raise _told(session, error, allowed) from None
    finally:
        writer.close()


def _present(session: Session, name: str, result: Any) -> int:
    session.present(
        document=lambda: {"name": name, "state": "completed", "result": result},
        ids=tuple,
        text=lambda _: None if result is None else print(output.document_text(result, indent=2)),
    )
    return 0


def _told(session: Session, error: JobFailed, allowed: float) -> BaseException:
    """Show where it failed, to people; a time limit and a signal have exit codes of their own."""
    match error.type:
        case "JobTimeout":
            return RanTooLong(f"it ran for more than {format_duration(allowed)}", type=error.type)
        case "KeyboardInterrupt":
            return KeyboardInterrupt()
        case "Terminated":
            return Terminated()
    if error.traceback and error.type not in ASKED_FOR and not session.given.json:
        output.print_note(error.traceback.rstrip())
    return error


def _debugging(plugins: Plugins) -> Plugins:
    """The plugins with a middleware next to the handler that opens the debugger where it raises."""

    def debug(_ctx: object, call_next: Callable[[], Any]) -> Any:
        from pdb import post_mortem

        try:
            return call_next()
        except Exception as error:
            post_mortem(error.__traceback__)
            raise

    return replace(plugins, middleware=(*plugins.middleware, debug))
