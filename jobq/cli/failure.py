"""What went wrong, as an exit code and one line for people, or as a JSON document.

Every exception that leaves a command ends here. What jobq raises itself says what to do; what a terminal, a shell
or a library raises is translated; everything else is a bug of ours and says so.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any, NamedTuple

import typer

from jobq.cli import output
from jobq.errors import JobqError

INTERRUPTED, TERMINATED, NOBODY_READS, BUG = 130, 143, 141, 70
_BUG_HINT = "this is a bug in jobq: please report it with what -v prints, and `jobq --version`"
_SEE_HELP = "see `{path} --help`"


class Terminated(BaseException):
    """SIGTERM came. No `Exception`, so that nothing on the way takes it for an error it could handle."""


class Problem(NamedTuple):
    """What is told: a word for programs, a line for people, a next step, and the exit code."""

    code: str
    message: str
    hint: str | None
    exit_code: int


def report(error: BaseException, *, as_json: bool, verbose: bool) -> int:
    """Tell what went wrong and return the exit code."""
    if isinstance(error, BrokenPipeError):
        return NOBODY_READS
    problem = problem_of(error)
    if verbose:
        print(output.safe("".join(traceback.format_exception(error)).rstrip()), file=sys.stderr)
    if as_json:
        output.print_document(error_object(problem))
    else:
        _print(problem)
    return problem.exit_code


def problem_of(error: BaseException) -> Problem:
    """Say what an exception means to the person at the command line."""
    match error:
        case JobqError():
            return Problem(error.code, error.message, error.hint, error.exit_code)
        case typer.TyperException():
            return Problem("usage", _usage(error), _usage_hint(error), 2)
        case KeyboardInterrupt() | typer.Abort():
            return Problem("interrupted", "interrupted", None, INTERRUPTED)
        case Terminated():
            return Problem("terminated", "stopped by SIGTERM", None, TERMINATED)
        case _:
            line = " ".join(traceback.format_exception_only(error)[-1].split())
            return Problem("bug", line, _BUG_HINT, BUG)


def error_object(problem: Problem) -> dict[str, object]:
    """The shape of every error under --json."""
    error = {"code": problem.code, "message": problem.message, "hint": problem.hint}
    return {"error": error, "exit_code": problem.exit_code}


def _print(problem: Problem) -> None:
    first, *more = problem.message.splitlines() or [""]
    lines = [f"error: {first}", *(f"  {line}" for line in more)]
    if problem.hint:
        lines.append(f"hint: {problem.hint}")
    for line in lines:
        output.print_note(line)


def _usage(error: Any) -> str:
    """Typer's sentence in our form: no capital, no full stop, no list of possible options."""
    name = getattr(error, "option_name", None)
    text = f"there is no option {name}" if getattr(error, "possibilities", None) is not None else error.format_message()
    text = " ".join(text.split()).rstrip(".")
    return text[:1].lower() + text[1:]


def _usage_hint(error: Any) -> str:
    close = list(getattr(error, "possibilities", None) or ())
    path = getattr(getattr(error, "ctx", None), "command_path", "jobq")
    return f"did you mean {' or '.join(close[:3])}?" if close else _SEE_HELP.format(path=path)
