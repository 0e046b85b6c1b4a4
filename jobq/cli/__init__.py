"""The command line: `jobq`.

    table    the commands, by name: read this first
    command  what a command is; loads the one that was asked for
    session  what it has at hand: options, configuration, plugins, store, printing
    failure  what went wrong, as an exit code and a line
    output   JSON, ids and notes; `render` has what people read

Each other module is one command, or one group of them. They hold no rules of their own: they read what was typed,
call the Python API, and print what it says.

Decision: the process's edge is here and nowhere else. Signals become exceptions, exceptions become exit codes, and
a command just raises. Cost: typer's own handling of errors is bypassed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

COMPLETE = "_JOBQ_COMPLETE"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name, and leave the process with its exit code."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code; never raises."""
    for stream in (sys.stdout, sys.stderr):
        # A locale that cannot write a character must not cost the answer.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--version" in own:
        return _print_version(as_json="--json" in own)
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
    except SystemExit as leave:  # typer's completion does that
        return leave.code if isinstance(leave.code, int) else 1
    except BaseException as error:  # noqa: BLE001 (the edge of the process: everything becomes an exit code)
        return _give_up(error, own)
    return code


def _invoke(arguments: list[str]) -> int:
    import typer

    from jobq.cli.root import make_root

    if _is_worker(arguments):
        # It has begun nothing yet, and soon has a pipe for its signals; an exception could get lost in a destructor.
        signal.signal(signal.SIGTERM, _leave)
        signal.signal(signal.SIGINT, _leave)
    else:
        signal.signal(signal.SIGTERM, _terminate)
    root = make_root()
    if COMPLETE in os.environ:
        root.main(arguments, prog_name="jobq", complete_var=COMPLETE)
    try:
        with root.make_context("jobq", _first_help(arguments)) as ctx:
            code = root.invoke(ctx)
    except typer.Exit as leave:
        return leave.exit_code
    return code if isinstance(code, int) else 0


def _first_help(arguments: list[str]) -> list[str]:
    """`jobq help jobs` means `jobq jobs --help`. A list of its own, because parsing empties it."""
    return [*arguments[1:], "--help"] if arguments[:1] == ["help"] else [*arguments]


def _give_up(error: BaseException, own: Sequence[str]) -> int:
    """Say what went wrong. Whatever else happens from here on, the exit code stays the first error's."""
    from jobq.cli import failure

    try:
        code = failure.report(
            error,
            as_json="--json" in own or _is_set("JOBQ_JSON"),
            verbose=bool({"-v", "--verbose"} & set(own)) or _is_set("JOBQ_VERBOSE"),
        )
        sys.stdout.flush()
    except BrokenPipeError:
        code = failure.NOBODY_READS
    if code == failure.NOBODY_READS:
        # Python flushes once more at exit, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in {"1", "true", "yes", "on", "t", "y"}


def _print_version(*, as_json: bool) -> int:
    from jobq import __version__

    print(f'{{"version": "{__version__}"}}' if as_json else f"jobq {__version__}")
    return 0


def _is_worker(arguments: Sequence[str]) -> bool:
    """Whether the first word that names a command names the worker."""
    from jobq.cli.table import find

    return next((word for word in arguments if find(word) is not None), None) == "worker"


def _leave(_number: int, _frame: FrameType | None) -> Any:
    os._exit(0)


def _terminate(_number: int, _frame: FrameType | None) -> Any:
    from jobq.cli.failure import Terminated

    raise Terminated
