"""Looking at jobs, waiting for them, cancelling and retrying them: one by one, and by what they have in common."""

from __future__ import annotations

import json

import pytest

from jobq.cli.output import JOB_FIELDS
from tests.cli.shell import Clerk, Shell


def counted(matched: int, changed: int, skipped: int) -> dict[str, int]:
    return {"matched": matched, "changed": changed, "skipped": skipped}


def test_a_list_has_its_shape_and_goes_on_where_the_page_before_ended(shell: Shell) -> None:
    ids = [shell.enqueue("hello:fail") for _ in range(5)]

    first = shell("jobs", "list", "--limit", "3", "--json").document
    second = shell("jobs", "list", "--limit", "3", "--cursor", first["next_cursor"], "--json").document
    third = shell("jobs", "list", "--limit", "3", "--offset", "4", "--json").document

    assert [list(page) for page in (first, second)] == [["items", "next_cursor"]] * 2
    assert all(tuple(job) == JOB_FIELDS for job in first["items"])
    assert [job["id"] for job in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None
    assert [job["id"] for job in third["items"]] == ids[:1]


def test_people_are_told_how_to_see_more_and_that_there_is_nothing(shell: Shell) -> None:
    empty = shell("jobs", "list")
    for _ in range(3):
        shell.enqueue("hello:fail")

    page = shell("jobs", "list", "--limit", "2")

    assert (empty.out, empty.err.splitlines()[-1]) == ("", "no jobs match")
    assert page.err.startswith("there are more: --cursor ")
    assert len(page.lines) == 3


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--name", "hello:*"], "abc"),
        (["--name", "*:fail", "--name", "x:*"], "bd"),
        (["--name", "*:fail,x:*"], "bd"),
        (["--queue", "bulk"], "b"),
        (["--priority", "high"], "ac"),
        (["--tag", "red"], "bc"),
        (["--tag", "red", "--tag", "blue"], "c"),
        (["--state", "pending"], "bcd"),
        (["--state", "waiting"], "bcd"),
        (["--state", "delayed,failed"], "a"),
        (["--where", "user.id=7"], "b"),
        (["--where", 'user.id="7"'], "c"),
        (["--where", "user.id:=7", "--where", "note=a b"], "b"),
        (["--where", "note=a b"], "bc"),
        (["--state", "completed"], ""),
    ],
    ids=str,
)  # fmt: skip
def test_filters_narrow_a_list(shell: Shell, words: list[str], found: str) -> None:
    shell.enqueue("hello:greet", "-a", "name=x", "--id", "job-aa", "--delay", "1h")
    shell.enqueue(
        "hello:fail", '{"user": {"id": 7}, "note": "a b"}', "--id", "job-bb", "--queue", "bulk", "--tag", "red"
    )
    shell.enqueue(
        "hello:nap",
        '{"user": {"id": "7"}, "note": "a b"}',
        "--id",
        "job-cc",
        "--priority",
        "-10",
        "--tag",
        "red",
        "--tag",
        "blue",
    )
    shell.enqueue("x:y", "--id", "job-dd")

    assert sorted(id[-1] for id in shell("jobs", "list", "-q", *words).lines) == list(found)


def test_text_in_an_error_finds_its_jobs(shell: Shell, clerk: Clerk) -> None:
    job = shell.enqueue("hello:fail")
    clerk.fail("hello:fail", message="the disk is full")
    shell.enqueue("hello:fail")

    assert shell("jobs", "list", "-q", "--error", "disk").lines == [job]


def test_a_part_of_an_id_will_do_if_it_is_long_and_telling(shell: Shell) -> None:
    job = shell.enqueue("hello:fail")
    shell.enqueue("hello:fail", "--id", "order-1-confirmation")
    shell.enqueue("hello:fail", "--id", "order-2-confirmation")

    assert shell("jobs", "show", job[-12:], "-q").lines == [job]
    assert shell("jobs", "show", job[:30], "-q").lines == [job]
    assert shell("inspect", "order-1", "-q").lines == ["order-1-confirmation"]
    assert "stands for several jobs" in shell("jobs", "show", "confirmation").err


def test_one_job_is_an_object_and_several_are_a_list(shell: Shell) -> None:
    ids = [shell.enqueue("hello:fail") for _ in range(2)]

    one, two = shell("jobs", "show", ids[0], "--json").document, shell("jobs", "show", *ids, "--json").document

    assert tuple(one) == JOB_FIELDS
    assert [job["id"] for job in two["items"]] == ids


def test_ids_come_from_standard_input(shell: Shell) -> None:
    ids = [shell.enqueue("hello:fail") for _ in range(3)]

    shown = shell("jobs", "show", "-", "-q", stdin=f"{ids[0]}\n\n  {ids[1]}\r\n{ids[0]}\n")
    done = shell("jobs", "cancel", "-", "--json", stdin="\n".join(ids))

    assert shown.lines == ids[:2]
    assert done.document == counted(3, 3, 0) | {"errors": []}


def test_a_job_that_waits_is_cancelled_at_once(shell: Shell) -> None:
    job = shell.enqueue("hello:fail")

    done = shell("jobs", "cancel", job[-12:], "--reason", "wrong month")

    assert done.out == "1 matched, 1 cancelled, 0 skipped\n"
    cancelled = shell("jobs", "show", job, "--json").document
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "wrong month")


def test_what_has_ended_cannot_be_cancelled_and_what_completed_cannot_be_retried(shell: Shell, clerk: Clerk) -> None:
    job = shell.enqueue("hello:fail")
    clerk.complete("hello:fail")

    cancel, retry = shell("jobs", "cancel", job), shell("jobs", "retry", job, "--json")

    assert (cancel.code, retry.code) == (4, 4)
    assert f"job {job} is completed and cannot be cancelled" in cancel.err
    assert retry.document["error"]["code"] == "invalid_state"


def test_of_several_jobs_those_that_cannot_be_changed_are_named(shell: Shell, clerk: Clerk) -> None:
    done_before = shell.enqueue("hello:fail")
    clerk.complete("hello:fail")
    waiting = shell.enqueue("hello:fail")

    done = shell("jobs", "cancel", done_before, waiting, "nosuchjob", "--json")

    assert done.code == 1
    assert {**done.document, "errors": None} == counted(3, 1, 2) | {"errors": None}
    assert {error["id"]: error["code"] for error in done.document["errors"]} == {
        "nosuchjob": "not_found", done_before: "invalid_state"
    }  # fmt: skip


def test_what_filters_select_is_changed_only_with_consent(shell: Shell) -> None:
    for name in ("hello:fail", "hello:fail", "hello:nap"):
        shell.enqueue(name)

    asked = shell("jobs", "cancel", "--name", "hello:f*")
    counted_only = shell("jobs", "cancel", "--name", "hello:f*", "--dry-run", "--json")
    done = shell("jobs", "cancel", "--name", "hello:f*", "--yes", "--json")

    assert (asked.code, "this would cancel 2 jobs" in asked.err, "--yes" in asked.err) == (2, True, True)
    assert counted_only.document == counted(2, 0, 0) | {"errors": []}
    assert done.document == counted(2, 2, 0) | {"errors": []}
    assert len(shell("jobs", "list", "--state", "pending", "-q").lines) == 1


def test_a_crowd_is_changed_in_portions(shell: Shell) -> None:
    shell("enqueue", "--from", "-", stdin="\n".join([json.dumps({"name": "hello:fail"})] * 1234))

    done = shell("jobs", "cancel", "--name", "*", "--yes", "-q")

    assert len(set(done.lines)) == 1234


def test_retry_puts_back_in_line_and_grants_a_new_round(shell: Shell, clerk: Clerk) -> None:
    job = shell.enqueue("hello:fail")
    clerk.fail("hello:fail")

    done = shell("retry", job[-12:])

    again = shell("jobs", "show", job, "--json").document
    assert done.out == "1 matched, 1 retried, 0 skipped\n"
    assert (again["state"], again["attempt"], again["max_attempts"], len(again["errors"])) == ("pending", 1, 2, 1)


def test_waiting_for_several_jobs_fails_if_one_of_them_has(shell: Shell, clerk: Clerk) -> None:
    good = shell.enqueue("hello:greet", "-a", "name=Ada")
    clerk.complete("hello:greet", result='{"greeting":"Hello, Ada!"}')
    bad = shell.enqueue("hello:fail")
    clerk.fail("hello:fail")

    one, both = shell("jobs", "wait", good), shell("jobs", "wait", good, bad)

    assert (one.code, both.code) == (0, 1)
    assert both.lines[0].endswith('{"greeting": "Hello, Ada!"}')
    assert both.lines[1].endswith("ValueError: no luck")


def test_waiting_ends_with_its_time(shell: Shell) -> None:
    job = shell.enqueue("hello:fail")

    done = shell("jobs", "wait", job, "--timeout", "0.05s", "--json")

    assert (done.code, done.document["error"]["code"]) == (75, "try_again")
