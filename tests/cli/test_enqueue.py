"""Putting one job in line: where its payload comes from, what is said about it, and waiting for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq.cli.enqueue import FOREVER, spell_out_wait
from jobq.cli.output import JOB_FIELDS
from jobq.durations import format_duration
from tests.cli.shell import Clerk, Shell


@pytest.mark.parametrize(
    ("words", "stdin", "payload"),
    [
        ([], "", {}),
        (['{"a": [1, "füße"]}'], "", {"a": [1, "füße"]}),
        (["--payload", '{"a": 1}'], "", {"a": 1}),
        (["@p.json"], "", {"from": "a file"}),
        (["-"], '{"from": "stdin"}', {"from": "stdin"}),
        (["--payload", "-"], "[1]", [1]),
        (["7"], "", 7),
        (["null"], "", None),
        (["-a", "to=a@example.com", "-a", "copies:=2"], "", {"to": "a@example.com", "copies": 2}),
        (['{"a": 1}', "-a", "b=2"], "", {"a": 1, "b": "2"}),
        (["-a", "at=@home", "-a", "equation=x=1"], "", {"at": "@home", "equation": "x=1"}),
    ],
    ids=str,
)  # fmt: skip
def test_a_payload_comes_from_the_line_a_file_or_standard_input(
    shell: Shell, words: list[str], stdin: str, payload: object
) -> None:
    shell.write("p.json", b'\xef\xbb\xbf{"from": "a file"}\n')

    job = shell("enqueue", "hello:fail", *words, "--json", stdin=stdin).document

    assert job["payload"] == (payload if payload is not None else {})


def test_the_job_object_has_the_fields_of_the_contract_and_whether_it_was_there_before(shell: Shell) -> None:
    first = shell("enqueue", "hello:fail", "--json", "--unique-key", "k").document
    second = shell("enqueue", "hello:fail", "--json", "--unique-key", "k").document

    assert tuple(first) == (*JOB_FIELDS, "deduplicated")
    assert (first["deduplicated"], second["deduplicated"]) == (False, True)
    assert second["id"] == first["id"]


def test_every_option_arrives(shell: Shell) -> None:
    words = """
        --queue bulk --priority low --max-attempts 7 --max-crashes 2 --timeout 1m30s --backoff fixed:10s
        --id my-own-id --unique-key k --unique-for 1h --meta a=1 --meta b:=2 --tag red --tag blue
        --partition-key tenant-1 --expires-in 2h --keep-completed 5 --keep-failed 6 --delay 1h
    """

    job = shell("enqueue", "hello:fail", *words.split(), "--json").document

    told = {
        name: job[name] for name in ("id", "queue", "priority", "max_attempts", "timeout", "metadata", "tags", "state")
    }
    assert told == {
        "id": "my-own-id", "queue": "bulk", "priority": 10, "max_attempts": 7, "timeout": 90.0,
        "metadata": {"a": "1", "b": 2}, "tags": ["red", "blue"], "state": "scheduled",
    }  # fmt: skip
    assert (job["unique_key"], job["partition_key"]) == ("k", "tenant-1")
    assert job["expires_at"] is not None


def test_a_wall_clock_with_a_zone_becomes_an_instant(shell: Shell) -> None:
    job = shell("enqueue", "hello:fail", "--at", "2036-12-24 09:00 Europe/Berlin", "--json").document

    assert job["run_at"] == "2036-12-24T08:00:00Z"


def test_queue_and_priority_come_from_the_handler_and_its_options_show(shell: Shell) -> None:
    job = shell("enqueue", "hello:greet", "-a", "name=Ada", "--json").document

    assert (job["queue"], job["priority"], job["timeout"], job["max_attempts"]) == ("greetings", -10, 10.0, 3)


def test_an_environment_variable_stands_for_an_option_and_the_line_wins(shell: Shell) -> None:
    shell.set(JOBQ_ENQUEUE_QUEUE="from-the-environment", JOBQ_JSON="1")

    assert shell("enqueue", "hello:fail").document["queue"] == "from-the-environment"
    assert shell("enqueue", "hello:fail", "--queue", "typed").document["queue"] == "typed"


def test_quiet_prints_the_id_and_nothing_else(shell: Shell) -> None:
    done = shell("enqueue", "hello:fail", "--id", "my-own-id", "--allow-unknown", "-q")

    assert (done.code, done.out, done.err) == (0, "my-own-id\n", "")


def test_the_embedded_store_is_made_and_said_so_once(shell: Shell) -> None:
    first, second = (shell("enqueue", "hello:fail") for _ in range(2))

    path = str(shell.folder / "state" / "jobq" / "jobq.db")
    assert f"no store is configured: made {path} (SQLite" in first.err
    assert path not in second.err
    assert (shell.folder / "state" / "jobq" / "jobq.db").stat().st_mode & 0o077 == 0


def test_until_a_worker_has_registered_any_name_is_taken_with_a_warning(shell: Shell) -> None:
    strange, mine, allowed = (
        shell("enqueue", "hello:grete"), shell("enqueue", "hello:fail"), shell("enqueue", "x:y", "--allow-unknown")
    )  # fmt: skip

    assert "warning: no worker has registered yet" in strange.err
    assert "did you mean hello:greet" in strange.err
    assert [done.code for done in (strange, mine, allowed)] == [0, 0, 0]
    assert "warning" not in mine.err + allowed.err


def test_afterwards_only_known_names_are_taken_unless_told_otherwise(shell: Shell, clerk: Clerk) -> None:
    clerk.register("email:send")

    codes = [
        shell("enqueue", *words).code
        for words in (["email:send"], ["hello:fail"], ["no:such"], ["no:such", "--allow-unknown"])
    ]

    assert codes == [0, 0, 3, 0]


def test_a_dry_run_checks_everything_and_stores_nothing(shell: Shell) -> None:
    job = shell("enqueue", "hello:greet", "-a", "name=Ada", "--delay", "1h", "--dry-run", "--json").document

    assert (job["state"], job["queue"], job["timeout"]) == ("scheduled", "greetings", 10.0)
    assert shell("enqueue", "hello:greet", "--dry-run").code == 65
    assert shell("jobs", "list", "--json").document["items"] == []


def test_secrets_are_masked_where_they_are_shown(shell: Shell) -> None:
    done = shell("enqueue", "hello:fail", '{"user": {"password": "hunter2"}}', "--meta", "api_key=abc", "--json")

    assert done.document["payload"] == {"user": {"password": "***"}}
    assert done.document["metadata"] == {"api_key": "***"}
    shown = shell("jobs", "show", done.document["id"])
    assert "hunter2" not in shown.out
    assert "***" in shown.out


def test_nothing_is_enqueued_into_an_installation_that_is_switched_off(shell: Shell) -> None:
    shell.set(JOBQ_ENABLED="false")

    done = shell("enqueue", "hello:fail", "--json")

    assert (done.code, done.document["error"]["code"]) == (78, "disabled")


def test_a_job_in_a_synchronous_store_has_run_when_the_command_ends(shell: Shell) -> None:
    done = shell("enqueue", "hello:greet", "-a", "name=Ada", "--dsn", "sync://", "--wait", "--json")

    assert done.document["result"] == {"greeting": "Hello, Ada!"}


@pytest.mark.parametrize(("end", "code"), [("complete", 0), ("fail", 1)])
def test_waiting_answers_with_the_end_and_its_exit_code(shell: Shell, clerk: Clerk, end: str, code: int) -> None:
    job = shell.enqueue("hello:fail", "--unique-key", "k")
    getattr(clerk, end)("hello:fail")

    again = shell("enqueue", "hello:fail", "--id", job, "--wait", "5s", "--json")

    assert again.code == code
    assert again.document["state"] == {"complete": "completed", "fail": "failed"}[end]


def test_waiting_in_vain_says_that_the_job_is_still_there(shell: Shell) -> None:
    done = shell("enqueue", "hello:fail", "--wait", "0.05s", "-q")

    assert done.code == 75
    assert f"job {done.lines[0]} is still pending" in done.err


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (["x", "--wait"], ["x", f"--wait={FOREVER}"]),
        (["x", "--wait", "30s"], ["x", "--wait=30s"]),
        (["--wait", "x", "{}"], [f"--wait={FOREVER}", "x", "{}"]),
        (["--wait", "--wait", "5"], [f"--wait={FOREVER}", "--wait=5"]),
        (["x", "--", "--wait", "5"], ["x", "--", "--wait", "5"]),
        (["x", "--wait=5"], ["x", "--wait=5"]),
    ],
)  # fmt: skip
def test_wait_takes_a_duration_or_none(typed: list[str], read: list[str]) -> None:
    assert spell_out_wait(typed) == read


@given(st.floats(0.001, 1e6), st.lists(st.sampled_from(["a", "{}", "-q", "--queue"])))
def test_every_duration_after_wait_is_its_value(seconds: float, others: list[str]) -> None:
    text = format_duration(seconds)

    assert spell_out_wait([*others, "--wait", text]) == [*others, f"--wait={text}"]


def test_since_takes_an_instant_or_how_long_ago_it_was(shell: Shell) -> None:
    job = shell.enqueue("hello:fail")
    soon = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()

    assert shell("jobs", "list", "-q", "--since", "1m").lines == [job]
    assert shell("jobs", "list", "-q", "--until", "1m").lines == []
    assert shell("jobs", "list", "-q", "--since", soon).lines == []
    assert shell("jobs", "list", "-q", "--until", soon).lines == [job]
