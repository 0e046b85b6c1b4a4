"""What --json prints is a promise to scripts: each shape is held by a file in `golden`.

Ids, instants and measured times are replaced by what they are. JOBQ_TEST_GOLDEN=write writes the files anew; what
then shows in a diff is a change that somebody's script will notice.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Clerk, Shell

GOLDEN = Path(__file__).parent / "golden"
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16}")
MEASURED = {"average", "average_seconds", "p95", "throughput", "latency", "duration"}


def normal(value: Any, key: str = "") -> Any:
    """A document without what differs from run to run; `key` is the nearest one above."""
    match value:
        case dict():
            return {name: normal(item, key if key in MEASURED else name) for name, item in value.items()}
        case list():
            return [normal(item, key) for item in value]
        case float() if key in MEASURED:
            return "<seconds>"
        case str():
            return normal_text(value)
        case _:
            return value


def normal_text(text: str) -> str:
    if INSTANT.fullmatch(text):
        return "<instant>"
    return ID.sub("<id>", re.sub(r"[^\s:]*/(plugins/\w+\.py)", r"<folder>/\1", text))


@pytest.fixture
def holds(shell: Shell) -> Callable[..., None]:
    """Run a command with --json and hold its document against the golden file of that name."""

    def hold(name: str, *words: str, code: int = 0) -> None:
        done = shell(*words, "--json")
        found = json.dumps(normal(done.document), indent=2, ensure_ascii=False) + "\n"
        path = GOLDEN / f"{name}.json"
        if os.environ.get("JOBQ_TEST_GOLDEN") == "write":
            path.write_text(found)
        assert (found, done.code) == (path.read_text(), code)

    return hold


@pytest.fixture
def life(shell: Shell, clerk: Clerk) -> dict[str, str]:
    """A job in each of several states."""
    found = {"failed": shell.enqueue("hello:fail", '{"token": "abc"}')}
    clerk.fail("hello:fail")
    found["completed"] = shell.enqueue(
        "hello:greet", "-a", "name=Ada", "--tag", "red", "--meta", "x:=1", "--unique-key", "k", "--partition-key", "p"
    )
    clerk.complete("hello:greet", result='{"greeting":"Hello, Ada!"}')
    found["cancelled"] = shell.enqueue("hello:nap")
    shell("jobs", "cancel", found["cancelled"], "--reason", "tired")
    found["pending"] = shell.enqueue("hello:nap", "--timeout", "90", "--max-attempts", "7", "--expires-in", "1h")
    return found


@pytest.mark.parametrize("state", ["failed", "completed", "cancelled", "pending"])
def test_a_job(holds: Callable[..., None], life: dict[str, str], state: str) -> None:
    holds(f"job-{state}", "jobs", "show", life[state])


def test_an_enqueued_job(holds: Callable[..., None]) -> None:
    holds("enqueue", "enqueue", "hello:greet", "-a", "name=Ada", "--id", "my-own-id")


def test_a_file_of_jobs(shell: Shell, holds: Callable[..., None]) -> None:
    shell.write("jobs.jsonl", '{"name": "hello:fail"}\n' * 3)

    holds("enqueue-from", "enqueue", "--from", "jobs.jsonl")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("jobs-list", ["jobs", "list"]),
        ("failed-list", ["failed", "list"]),
        ("queues-list", ["queues", "list"]),
        ("handlers-list", ["handlers", "list"]),
        ("handlers-show", ["handlers", "show", "hello:greet"]),
        ("handlers-check", ["handlers", "check"]),
        ("plugins-list", ["plugins", "list"]),
        ("stats", ["stats"]),
        ("migrate", ["migrate"]),
        ("migrate-check", ["migrate", "--check"]),
        ("bulk", ["jobs", "cancel", "--state", "pending", "--yes"]),
        ("bulk-dry-run", ["failed", "retry", "--dry-run"]),
    ],
    ids=str,
)  # fmt: skip
def test_a_list_a_sum_or_a_deed(holds: Callable[..., None], life: dict[str, str], name: str, words: list[str]) -> None:
    holds(name, *words)


def test_the_workers_and_health(holds: Callable[..., None], clerk: Clerk, life: dict[str, str]) -> None:
    holds("health-unhealthy", "health", code=5)
    leave = clerk.stay("hello:fail", "hello:greet")
    holds("workers-list", "workers", "list")
    holds("health", "health")
    leave()


def test_what_could_not_be_changed(holds: Callable[..., None], life: dict[str, str]) -> None:
    holds("bulk-partly", "jobs", "cancel", life["pending"], life["completed"], "nosuchjob", code=1)


def test_an_error(holds: Callable[..., None]) -> None:
    holds("error", "enqueue", "hello:fail", "{", code=65)


def test_a_broken_plugin(shell: Shell, holds: Callable[..., None]) -> None:
    shell.write("plugins/broken.py", "import nosuchmodule\n")

    holds("handlers-check-broken", "handlers", "check", code=5)
    holds("plugins-list-broken", "plugins", "list")


def test_files_that_init_writes(shell: Shell, holds: Callable[..., None]) -> None:
    holds("init", "init")


def test_the_version(holds: Callable[..., None]) -> None:
    holds("version", "--version")
