"""`jobq enqueue`: one job, or every line of a file."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from jobq.cli import output
from jobq.cli.command import Command, new_app
from jobq.cli.complete import names
from jobq.cli.inline import aside
from jobq.cli.inputs import read_payload
from jobq.cli.joboptions import JobOptions
from jobq.cli.render.jobs import ending, line
from jobq.cli.session import Session
from jobq.cli.values import whole
from jobq.client import Client
from jobq.durations import parse_duration
from jobq.errors import InvalidValue, TryAgain, Unsupported, UsageError
from jobq.jobs import Job, State

app = new_app()

EXAMPLES = """
jobq enqueue email:send '{"to": "ada@example.com"}'
jobq enqueue email:send -a to=ada@example.com -a copies:=2 --delay 5m
jobq enqueue report:daily @report.json --at "2026-12-24 09:00 Europe/Berlin"
jobq enqueue email:send - --wait 30s < payload.json
jobq enqueue --from jobs.jsonl --resume
"""
FOREVER = "forever"
CHUNK = 1000
LARGEST_CHUNK = 100_000

Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="The job's name: namespace:action.", autocompletion=names)
]
Payload = Annotated[
    str | None, typer.Argument(metavar="[PAYLOAD]", help="JSON, @file, or - for standard input. Default: {}")
]
PayloadOption = Annotated[
    str | None,
    typer.Option("--payload", metavar="JSON|@FILE|-", envvar="JOBQ_ENQUEUE_PAYLOAD", help="The payload, as an option."),
]
Assign = Annotated[
    list[str] | None,
    typer.Option("--assign", "-a", metavar="KEY=TEXT", help="A key of the payload; KEY:=JSON if not text. Repeatable."),
]
Wait = Annotated[
    str | None, typer.Option("--wait", metavar="[DURATION]", help="Wait for the end, and say how it went.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, and put nothing in line.")]
AllowUnknown = Annotated[
    bool, typer.Option("--allow-unknown", help="Take a name that no worker and no plugin here knows.")
]
From = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="FILE|-", envvar="JOBQ_ENQUEUE_FROM", help='A job in each line: {"name": …, "payload": …, …}'
    ),
]
Chunk = Annotated[
    str | None, typer.Option("--chunk", metavar="N", help="With --from: jobs at a time, all or none. Default: 1000.")
]
Resume = Annotated[bool, typer.Option("--resume", help="With --from: go on where the last run stopped.")]


class Enqueue(Command):
    """`--wait` takes a duration or none, which no option of typer's can."""

    options = JobOptions

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give --wait a value, then parse as ever."""
        return super().parse_args(ctx, spell_out_wait(args))


@app.command("enqueue", cls=Enqueue, epilog=EXAMPLES)
def enqueue(
    ctx: typer.Context,
    *,
    name: Name = None,
    payload: Payload = None,
    payload_option: PayloadOption = None,
    assign: Assign = None,
    wait: Wait = None,
    dry_run: DryRun = False,
    allow_unknown: AllowUnknown = False,
    from_file: From = None,
    chunk: Chunk = None,
    resume: Resume = False,
) -> int:
    """Put a job in line, or every line of a file."""
    session = Session.of(ctx)
    options = session.asked(JobOptions)
    if from_file is not None:
        single = {"NAME": name, "--payload": payload_option, "-a": assign, "--wait": wait}
        _refuse_with_from([*(word for word, value in single.items() if value), *options.given])
        return _enqueue_lines(session, from_file, chunk, resume=resume, dry_run=dry_run, allow_unknown=allow_unknown)
    if chunk is not None or resume:
        raise UsageError("--chunk and --resume belong to --from", hint="jobq enqueue --from jobs.jsonl")
    if name is None:
        raise UsageError("which job? NAME is missing", hint='jobq enqueue email:send \'{"to": "ada@example.com"}\'')
    value, request = read_payload(payload, payload_option, assign), options.request()
    patience = None if wait in {None, FOREVER} else parse_duration(str(wait), what="--wait")
    with session.client(handlers=True) as client:
        refuse_forgetful(client)
        _check_name(session, client, name, allow_unknown=allow_unknown)
        if dry_run:
            session.note("nothing was put in line; this is what it would be:")
            return _present(session, client.preview(name, value, **request))
        with aside(client):
            job = client.enqueue(name, value, **request)
        return _present(session, job) if wait is None else _wait(session, client, job, patience)


def spell_out_wait(args: list[str]) -> list[str]:
    """Turn `--wait 30s` into one word, and `--wait` alone into `--wait=forever`."""
    found: list[str] = []
    words = iter(args)
    for word in words:
        if word == "--":
            return [*found, word, *words]
        if word != "--wait":
            found.append(word)
            continue
        following = next(words, None)
        if following is not None and _is_duration(following):
            found.append(f"--wait={following}")
        else:
            found.append(f"--wait={FOREVER}")
            return found if following is None else found + spell_out_wait([following, *words])
    return found


def refuse_forgetful(client: Client) -> None:
    """A job in this process's memory would end with the command."""
    can = client.driver.capabilities
    if not can.shared and not can.inline:
        raise Unsupported(
            f"a job in {can.name}:// would be gone when this command ends",
            hint="use sqlite:// or postgresql://, or `jobq run`",
        )


def _is_duration(word: str) -> bool:
    try:
        parse_duration(word)
    except InvalidValue:
        return False
    return True


def _refuse_with_from(words: list[str]) -> None:
    if words:
        raise UsageError(
            f"--from takes everything from its lines, so {words[0]} has no place beside it",
            hint='write it into each line: {"name": "email:send", "payload": {}, "queue": "emails"}',
        )


def _check_name(session: Session, client: Client, name: str, *, allow_unknown: bool) -> None:
    from jobq.cli.known import NameCheck

    NameCheck(session, client, allow_unknown=allow_unknown).check(name)


def _present(session: Session, job: Job) -> int:
    session.present(
        document=lambda: output.job_object(job, session.config.redact.keys) | {"deduplicated": job.deduplicated},
        ids=lambda: [job.id],
        text=lambda _: print(_line(job)),
    )
    return 0


def _line(job: Job) -> str:
    return line(job) + ("  (it was there before)" if job.deduplicated else "")


def _wait(session: Session, client: Client, job: Job, patience: float | None) -> int:
    from jobq.cli.waiting import wait_for

    try:
        (ended,) = wait_for(session, client, [job.id], patience)
    except TryAgain:
        if not session.given.json:
            _present(session, job)  # it is in line all the same
        raise
    session.present(
        document=lambda: output.job_object(ended, session.config.redact.keys) | {"deduplicated": job.deduplicated},
        ids=lambda: [ended.id],
        text=lambda _: print(ending(ended, session.config.redact.keys)),
    )
    return 0 if ended.state is State.COMPLETED else 1


def _enqueue_lines(
    session: Session, path: str, chunk: str | None, *, resume: bool, dry_run: bool, allow_unknown: bool
) -> int:
    from jobq.cli.known import NameCheck
    from jobq.cli.lines import Intake

    size = whole("--chunk", chunk, least=1, most=LARGEST_CHUNK) or CHUNK
    with session.client(handlers=True) as client:
        refuse_forgetful(client)
        names = NameCheck(session, client, allow_unknown=allow_unknown)
        return Intake(session, client, names, path, size, is_dry=dry_run).run(resume=resume)
