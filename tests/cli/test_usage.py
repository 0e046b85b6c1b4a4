"""Wrong input of every kind: the exit code, one line that says what is wrong, and one that helps."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.shell import Clerk, Shell

CASES: list[tuple[list[str], int, str, str]] = [
    # the line itself
    (["nosuchcommand"], 2, "there is no command 'nosuchcommand'", "see `jobq --help`"),
    (["wroker"], 2, "there is no command 'wroker'", "did you mean worker"),
    (["jobs"], 2, "which of list, show, wait, cancel, retry?", "see `jobq jobs --help`"),
    (["jobs", "lits"], 2, "has no command 'lits'", "did you mean list?"),
    (["jobs", "list", "--stat", "failed"], 2, "there is no option --stat", "did you mean --state"),
    (["jobs", "list", "more"], 2, "got unexpected extra argument(s) (more)", "see `jobq jobs list --help`"),
    (["jobs", "list", "--state"], 2, "option '--state' requires an argument", ""),
    (["jobs", "show"], 2, "missing argument", "see `jobq jobs show --help`"),
    (["stats", "--color", "blue"], 2, "--color must be auto, always or never, not 'blue'", ""),
    (["stats", "--connect-timeout", "soon"], 2, "--connect-timeout 'soon' is not a duration", "write it like 30s"),
    # enqueue
    (["enqueue"], 2, "NAME is missing", "jobq enqueue email:send"),
    (["enqueue", "two words"], 2, "is not of the form namespace:action", "like email:send"),
    (["enqueue", "hello:fail", "{not json"], 65, "payload is not JSON at line 1, column 2", "single quotes"),
    (["enqueue", "hello:fail", '{"a": NaN}'], 65, "payload at $.a: the number is not finite", "use null"),
    (["enqueue", "hello:fail", '{"a": 1, "a": 2}'], 65, "the key 'a' appears twice", "keep one"),
    (["enqueue", "hello:greet", '{"nam": "x"}'], 65, "payload does not fit Greeting: $.name: missing", "correct these"),
    (["enqueue", "hello:fail", "--payload", "@nowhere.json"], 66, "nowhere.json: cannot be read", "check the path"),
    (["enqueue", "hello:fail", "@."], 66, ".: cannot be read: Is a directory", ""),
    (["enqueue", "hello:fail", "{}", "--payload", "{}"], 2, "the payload is given twice", "leave out --payload"),
    (["enqueue", "hello:fail", "[]", "-a", "x=1"], 65, "-a adds keys to an object, and the payload is a list", ""),
    (["enqueue", "hello:fail", '{"x": 1}', "-a", "x=1"], 2, "the key 'x' is in the payload and in -a", "keep one"),
    (["enqueue", "hello:fail", "-a", "x=1", "-a", "x=2"], 2, "-a x is given twice", "keep one"),
    (["enqueue", "hello:fail", "-a", "x"], 2, "-a 'x' is not of the form key=text or key:=json", ""),
    (["enqueue", "hello:fail", "-a", "x:=y"], 65, "-a x is not JSON", "with x=y the value is taken as text"),
    (["enqueue", "hello:fail", "--delay", "5 parsecs"], 2, "has the unknown unit 'parsecs'", "write it like"),
    (["enqueue", "hello:fail", "--at", "2026-12-24 09:00"], 2, "--at '2026-12-24 09:00' has no time zone", "Berlin"),
    (["enqueue", "hello:fail", "--at", "2026-12-24T09:00Z", "--delay", "1s"], 2, "say the same thing twice", ""),
    (["enqueue", "hello:fail", "--priority", "hihg"], 2, "neither an integer nor a known word", "did you mean high?"),
    (["enqueue", "hello:fail", "--max-attempts", "0"], 2, "--max-attempts must be a whole number from 1 to 1,000", ""),
    (["enqueue", "hello:fail", "--on-conflict", "ignore"], 2, "--on-conflict must be skip, raise or replace", ""),
    (["enqueue", "hello:fail", "--queue", "a b"], 2, "queue 'a b' has a character", "like emails"),
    (["enqueue", "hello:fail", "--backoff", "sometimes"], 2, "sometimes", ""),
    (["enqueue", "hello:fail", "--wait=soon"], 2, "--wait 'soon' is not a duration", ""),
    (["enqueue", "hello:fail", "--dsn", "memory://"], 4, "would be gone when this command ends", "jobq run"),
    (["enqueue", "hello:fail", "--chunk", "5"], 2, "--chunk and --resume belong to --from", ""),
    # stores and configuration
    (["stats", "--dsn", "nonsense"], 78, "it is not a DSN", "postgresql://"),
    (["stats", "--dsn", "mysql://x"], 78, "no store is called 'mysql'", "sqlite://"),
    (["stats", "--dsn", "sqlit://x"], 78, "no store is called 'sqlit'", "did you mean sqlite://?"),
    (["stats", "--config", "nowhere.toml"], 78, "nowhere.toml' does not exist", "jobq init"),
    (["stats", "--dsn", "sqlite:///dev/null/x.db"], 78, "cannot be a database", ""),
    (["handlers", "list", "--plugin-dir", "nowhere"], 78, "does not exist", "--plugin-dir"),
    # looking
    (["jobs", "show", "00000000-0000-7000-8000-000000000000"], 3, "no job 00000000", "jobq jobs list"),
    (["jobs", "show", "abc"], 3, "no job abc", "at least 6 characters"),
    (["jobs", "wait", "nosuchjob"], 3, "no job nosuchjob", ""),
    (["jobs", "list", "--state", "fialed"], 2, "unknown state 'fialed'", "did you mean failed?"),
    (["jobs", "list", "--limit", "0"], 2, "--limit must be a whole number from 1 to 10,000, not '0'", ""),
    (["jobs", "list", "--offset", "-1"], 2, "--offset must be a whole number", ""),
    (["jobs", "list", "--cursor", "zzz"], 2, "'zzz' is no cursor", "next_cursor"),
    (["jobs", "list", "--where", "x"], 2, "--where 'x' is not of the form", ""),
    (["jobs", "list", "--since", "yesterday"], 2, "since 'yesterday' is not an instant", "write it like"),
    (["stats", "--window", "0"], 2, "--window must be more than 0 seconds", ""),
    (["handlers", "show", "hello:gret"], 3, "no handler for 'hello:gret'", "did you mean hello:greet"),
    # changing
    (["jobs", "cancel"], 2, "which jobs? name ids, or give a filter", "--dry-run"),
    (["jobs", "retry"], 2, "which jobs? name ids, or give a filter", "--dry-run"),
    (["jobs", "cancel", "abcdef", "--name", "x"], 2, "ids and filters are both given", "leave one out"),
    (["jobs", "cancel", "nosuchjob"], 3, "no job nosuchjob", ""),
    (["failed", "retry", "--state", "failed"], 2, "is about failed jobs only", "jobq jobs"),
    (["failed", "retry", "--rate", "fast"], 2, "--rate 'fast' is not a rate", "50/s"),
    (["failed", "retry", "--rate", "5/0s"], 2, "--rate '5/0s' is not a rate", "50/s"),
    (["migrate", "--plan", "--check"], 2, "three questions", "one at a time"),
    (["migrate", "--dsn", "memory://"], 4, "memory has no tables to migrate", ""),
    # worker and run
    (["worker", "--queues", "a,a"], 2, "--queues names a twice", ""),
    (["worker", "--queues", ","], 2, "--queues names no queue", ""),
    (["worker", "--queues", "a:0"], 2, "the weight of a must be a whole number", ""),
    (["worker", "--queues", "a", "--exclude-queues", "a"], 2, "a is both in --queues and in --exclude-queues", ""),
    (["worker", "--processes", "0"], 2, "--processes must be a whole number from 1 to 1,024", ""),
    (["worker", "--min-processes", "3", "--max-processes", "2"], 2, "is more than --max-processes 2", "swap"),
    (["worker", "--max-memory-per-child", "big"], 2, "--max-memory-per-child 'big' is not a size", "512M"),
    (["worker", "--fail-on-error"], 2, "--fail-on-error belongs to --drain", ""),
    (["run", "hello:greet", "--timeout", "0"], 2, "--timeout must be more than 0 seconds", ""),
    # init
    (["init", "--profile", "test"], 2, "--profile must be dev or prod, not 'test'", ""),
    (["init", "--driver", "mysql"], 2, "--driver must be sqlite, postgres or sqs, not 'mysql'", ""),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "problem", "hint"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_a_mistake_is_answered_with_what_is_wrong_and_what_helps(
    shell: Shell, words: list[str], code: int, problem: str, hint: str
) -> None:
    done = shell(*words)

    assert done.code == code
    assert done.out == ""
    *before, first, last = ["", *done.err.splitlines()] if "hint: " not in done.err else done.err.splitlines()
    line, advice = (first, last) if last.startswith("hint: ") else (last, "")
    assert problem in line
    assert line.startswith("error: ")
    assert hint in advice
    assert not any(text.startswith("error") for text in before)


@pytest.mark.parametrize(("words", "code", "problem", "hint"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_a_program_is_told_the_same_as_one_document(
    shell: Shell, words: list[str], code: int, problem: str, hint: str
) -> None:
    done = shell("--json", *words)

    document: dict[str, Any] = done.document
    assert list(document) == ["error", "exit_code"]
    assert list(document["error"]) == ["code", "message", "hint"]
    assert done.code == document["exit_code"] == code
    assert problem in document["error"]["message"]
    assert hint in (document["error"]["hint"] or "")


def test_a_name_that_no_worker_has_is_refused_once_there_was_a_worker(shell: Shell, clerk: Clerk) -> None:
    clerk.register("hello:greet", "email:send")

    done = shell("enqueue", "email:sned")

    assert done.code == 3
    assert done.err == "error: no handler for email:sned\nhint: did you mean email:send?\n"


def test_a_mistake_of_ours_says_so_and_shows_where_only_when_asked(shell: Shell) -> None:
    shell.write(
        "plugins/bad.py", "def jobq_cli(app):\n    @app.command()\n    def boom():\n        raise KeyError('x')\n"
    )

    brief, full = shell("boom"), shell("-v", "boom")

    assert brief.code == full.code == 70
    assert brief.err.startswith("error: KeyError: 'x'\nhint: this is a bug in jobq")
    assert "Traceback" not in brief.err
    assert "Traceback" in full.err


def test_the_cause_of_a_broken_plugin_is_shown_when_asked(shell: Shell) -> None:
    shell.write("plugins/broken.py", "import nosuchmodule\n")

    brief, full = shell("handlers", "list"), shell("handlers", "list", "-v")

    assert brief.code == 78
    assert "plugin broken cannot be loaded" in brief.err
    assert "broken.py:1" in brief.err
    assert "Traceback" not in brief.err
    assert "ModuleNotFoundError" in full.err


def test_a_broken_plugin_can_be_skipped(shell: Shell) -> None:
    shell.write("plugins/broken.py", "import nosuchmodule\n")

    done = shell("handlers", "list", "-q", "--skip-broken-plugins")

    assert done.code == 0
    assert "hello:greet" in done.lines
    assert "broken" in done.err
