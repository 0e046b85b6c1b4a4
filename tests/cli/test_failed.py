"""The dead letters: found, shown, and put back in line all at once, a few at first, or spread over time."""

from __future__ import annotations

import threading
from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq.cli.spread import SHORTEST_STEP, Rate
from jobq.errors import InvalidValue
from tests.cli.shell import Clerk, Shell


@pytest.fixture
def dead(shell: Shell, clerk: Clerk) -> list[str]:
    """Five jobs that have failed, the oldest first."""
    ids = [shell.enqueue("hello:fail", "-a", f"i:={i}") for i in range(5)]
    clerk.fail("hello:fail")
    return ids


def states(shell: Shell) -> dict[str, str]:
    return {job["id"]: job["state"] for job in shell("jobs", "list", "--json").document["items"]}


def test_only_failed_jobs_are_listed_with_what_went_wrong(shell: Shell, dead: list[str]) -> None:
    shell.enqueue("hello:nap")

    done = shell("failed", "list")

    assert shell("failed", "list", "-q").lines == dead[::-1]
    assert done.lines[0].split() == ["ID", "NAME", "TRIES", "FAILED", "ERROR"]
    assert all(line.endswith("ValueError: no luck") for line in done.lines[1:])


def test_a_failed_job_is_shown_with_its_traceback(shell: Shell, dead: list[str]) -> None:
    assert "Traceback …\nValueError: no luck" in shell("failed", "show", dead[0]).out


def test_a_job_that_has_not_failed_is_none_of_its_business(shell: Shell) -> None:
    job = shell.enqueue("hello:fail")

    for verb in ("show", "retry"):
        done = shell("failed", verb, job)
        assert (done.code, f"job {job} is pending, not failed" in done.err) == (4, True)


def test_without_ids_every_failed_job_is_retried_after_consent(shell: Shell, dead: list[str]) -> None:
    waiting = shell.enqueue("hello:nap", "--delay", "1h")

    asked, done = shell("failed", "retry"), shell("failed", "retry", "--yes")

    assert (asked.code, "this would retry 5 jobs" in asked.err) == (2, True)
    assert done.out == "5 matched, 5 retried, 0 skipped\n"
    assert states(shell) == dict.fromkeys(dead, "pending") | {waiting: "scheduled"}


def test_filters_say_which(shell: Shell, dead: list[str]) -> None:
    shell("failed", "retry", "--where", "i=3", "--yes")

    assert [id for id, state in states(shell).items() if state == "pending"] == [dead[3]]


def test_with_nothing_to_retry_nobody_is_asked(shell: Shell) -> None:
    done = shell("failed", "retry")

    assert (done.code, done.out) == (0, "0 matched, 0 retried, 0 skipped\n")


def test_a_unique_key_that_another_job_holds_by_now_keeps_a_job_out(shell: Shell, clerk: Clerk) -> None:
    first = shell.enqueue("hello:fail", "--unique-key", "k")
    clerk.fail("hello:fail")
    shell.enqueue("hello:fail", "--unique-key", "k")

    done = shell("failed", "retry", "--yes", "--json")

    assert done.code == 1
    assert [(error["id"], error["code"]) for error in done.document["errors"]] == [(first, "conflict")]


def test_a_rate_spreads_them_over_time_in_the_store(shell: Shell, dead: list[str]) -> None:
    done = shell("failed", "retry", "--rate", "1/10m", "--yes", "--json")

    jobs = sorted(shell("jobs", "list", "--json").document["items"], key=lambda job: str(job["run_at"]))
    times = [datetime.fromisoformat(job["run_at"]) for job in jobs]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    assert done.document["changed"] == 5
    assert [job["id"] for job in jobs] == dead
    assert [job["state"] for job in jobs] == ["pending", *["scheduled"] * 4]
    assert gaps == pytest.approx([600.0] * 4, abs=5.0)


def finishing(clerk: Clerk, end: str) -> threading.Thread:
    """End what is put back in line, a few times."""

    def work() -> None:
        pause = threading.Event()
        for _ in range(40):
            getattr(clerk, end)("hello:fail")
            pause.wait(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_canaries_that_complete_let_the_rest_follow(shell: Shell, clerk: Clerk, dead: list[str]) -> None:
    thread = finishing(clerk, "complete")
    done = shell("failed", "retry", "--canary", "2", "--rate", "1/1h", "--yes", "--json")
    thread.join()

    assert (done.code, done.document["changed"]) == (0, 5)
    assert [states(shell)[id] for id in dead] == ["completed", "completed", "completed", "scheduled", "scheduled"]


def test_canaries_that_fail_keep_the_rest_where_it_is(shell: Shell, clerk: Clerk, dead: list[str]) -> None:
    thread = finishing(clerk, "fail")
    done = shell("failed", "retry", "--canary", "2", "--yes", "--json")
    thread.join()

    assert done.code == 1
    assert {**done.document, "errors": None} == {"matched": 5, "changed": 2, "skipped": 3, "errors": None}
    assert "2 of the first 2 did not complete" in done.err
    assert set(states(shell).values()) == {"failed"}


@pytest.mark.parametrize(
    ("text", "rate"),
    [("50/s", (50.0, 1.0)), ("600/m", (600.0, 60.0)), ("10/30s", (10.0, 30.0)), (" 2.5 / hour ", (2.5, 3600.0))],
)
def test_a_rate_is_a_number_in_a_duration(text: str, rate: tuple[float, float]) -> None:
    assert Rate.parse(text) == rate


@given(st.text())
def test_anything_else_is_refused_or_a_rate(text: str) -> None:
    try:
        rate = Rate.parse(text)
    except InvalidValue:
        return
    assert rate.jobs > 0
    assert rate.seconds > 0


@given(st.floats(0.01, 1e5), st.sampled_from([1.0, 60.0, 3600.0]))
def test_portions_keep_to_the_rate_and_come_no_more_often_than_is_useful(jobs: float, seconds: float) -> None:
    count, pause = Rate(jobs, seconds).step

    assert count / pause == pytest.approx(jobs / seconds)
    assert count == 1 or pause >= SHORTEST_STEP / 2
