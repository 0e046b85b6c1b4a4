"""A job here and now: the exit code tells how it went, and standard output holds nothing but its result."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from tests.cli.shell import Shell

READY = """
import sys
import time

from jobq import job


@job("ready:wait")
def wait(payload):
    print("ready", file=sys.stderr, flush=True)
    time.sleep(50)
"""


def test_the_result_is_the_data_and_what_the_handler_prints_is_not(shell: Shell) -> None:
    done = shell.spawn("run", "hello:greet", "-a", "name=Ada")

    assert (done.code, json.loads(done.out)) == (0, {"greeting": "Hello, Ada!"})
    assert "a greeting is on its way" in done.err


def test_a_program_gets_one_document(shell: Shell) -> None:
    good, bad = (
        shell.spawn("run", "hello:greet", "-a", "name=Ada", "--json"),
        shell.spawn("run", "hello:fail", "--json"),
    )

    assert good.document == {"name": "hello:greet", "state": "completed", "result": {"greeting": "Hello, Ada!"}}
    assert (bad.code, bad.document["error"]["message"]) == (1, "ValueError: no luck")


def test_a_failure_shows_where_and_fails(shell: Shell) -> None:
    done = shell.spawn("run", "hello:fail", "-a", "why=no reason")

    assert (done.code, done.out) == (1, "")
    assert 'raise ValueError(payload.get("why", "no luck"))' in done.err
    assert done.err.endswith("error: ValueError: no reason\n")


def test_what_a_handler_asks_for_needs_no_traceback(shell: Shell) -> None:
    done = shell.spawn("run", "hello:discard")

    assert (done.code, done.err) == (1, "error: Discard: not for me\n")


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["hello:gret"], 3, "no handler named 'hello:gret' is loaded"),
        (["hello:greet"], 65, "payload does not fit Greeting"),
        (["hello:greet", "{"], 65, "payload is not JSON"),
        (["hello:exit"], 1, "its process exited with code 3"),
    ],
)  # fmt: skip
def test_every_other_end_has_its_exit_code(shell: Shell, words: list[str], code: int, problem: str) -> None:
    done = shell.spawn("run", *words)

    assert (done.code, problem in done.err) == (code, True)
    assert done.out == ""


def test_a_handler_that_takes_too_long_is_ended(shell: Shell) -> None:
    shell.set(JOBQ_WORKER__KILL_GRACE="0.2s")
    began = time.monotonic()

    done = shell.spawn("run", "hello:nap", '{"seconds": 50}', "--timeout", "0.3s", "--json")

    assert (done.code, done.document["exit_code"]) == (124, 124)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_its_exit_code(shell: Shell, number: signal.Signals, code: int) -> None:
    shell.write("plugins/ready.py", READY)
    with shell.start("run", "ready:wait") as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        os.kill(process.pid, number) if number is signal.SIGTERM else os.killpg(process.pid, number)

        assert process.wait(20) == code
