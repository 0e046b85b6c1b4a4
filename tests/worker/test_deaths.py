"""Processes that die, and jobs that will not stop."""

from __future__ import annotations

import os
import signal
import time

import pytest

from jobq.jobs import State
from tests.worker.harness import Work, descendants, is_alive, wait_for

pytestmark = pytest.mark.timeout(120)


def test_a_job_that_keeps_killing_its_process_is_stopped(work: Work) -> None:
    poison = work.enqueue("work:die", {})
    others = [work.enqueue("work:nap", {"ms": 50}) for _ in range(30)]

    work.drain("--processes", 2, "--concurrency", 3)

    job = work.job(poison)
    assert (job.state, job.reason, job.crashes) == (State.FAILED, "crashed", 2)
    assert job.errors[-1].type == "WorkerCrashed"
    assert "SIGKILL" in job.errors[-1].message
    assert len(work.history("start", poison)) <= 3
    assert {work.job(id).state for id in others} == {State.COMPLETED}
    assert all(work.job(id).crashes <= 1 for id in others)


def test_bystanders_of_a_crash_run_again_unburnt(work: Work) -> None:
    naps = [work.enqueue("work:nap", {"ms": 1500}, backoff="fixed:0s") for _ in range(3)]
    worker = work.worker("--processes", 1, "--concurrency", 3)
    work.started(3)

    os.kill(worker.children()[0], signal.SIGKILL)

    jobs = [work.until(id, "completed") for id in naps]
    assert [(job.attempt, job.crashes) for job in jobs] == [(1, 1)] * 3
    assert len(work.history("start")) == 6
    for pid in {row["pid"] for row in work.history("end")}:
        mine = sorted((row["at"], row["event"]) for row in work.history() if row["pid"] == pid)
        assert [event for _, event in mine] == ["start", "end"] * (len(mine) // 2), "two ran in one process"


def test_a_suspect_waits_for_nobody_and_holds_up_nobody(work: Work) -> None:
    first = [work.enqueue("work:nap", {"ms": 1500}) for _ in range(2)]
    worker = work.worker("--processes", 1, "--concurrency", 2)
    work.started(2)
    os.kill(worker.children()[0], signal.SIGKILL)
    long = work.enqueue("work:nap", {"ms": 60000}, priority="critical")
    work.started(4)

    others = [work.enqueue("work:nap", {"ms": 10}) for _ in range(3)]

    for id in [*first, *others]:
        assert work.until(id, "completed", seconds=30).attempt == 1
    assert work.job(long).state is State.RUNNING


@pytest.mark.parametrize("code", [0, 7])
def test_leaving_without_a_word_is_a_crash(work: Work, code: int) -> None:
    id = work.enqueue("work:leave", {"code": code})

    work.drain()

    job = work.job(id)
    assert (job.state, job.reason) == (State.FAILED, "crashed")
    assert f"exited with code {code}" in job.errors[-1].message


@pytest.mark.parametrize("name", ["stuck", "loop", "async-loop", "async-block", "stubborn"])
def test_a_timeout_ends_every_kind_of_handler(work: Work, name: str) -> None:
    late = work.enqueue(f"work:{name}", {})
    neighbour = work.enqueue("work:nap", {"ms": 200})

    work.drain("--processes", 1, "--concurrency", 2)

    job = work.job(late)
    assert (job.state, job.attempt, job.crashes) == (State.FAILED, 1, 0)
    assert [error.type for error in job.errors] == ["JobTimeout"]
    other = work.job(neighbour)
    assert (other.state, other.attempt, other.crashes, other.errors) == (State.COMPLETED, 1, 0, ())


def test_an_event_loop_that_was_blocked_poisons_nobody(work: Work) -> None:
    work.enqueue("work:async-block", {}, priority="critical")
    later = [work.enqueue("work:async-nap", {"ms": 10}) for _ in range(4)]

    work.drain("--processes", 1, "--concurrency", 2)

    assert {(work.job(id).state, work.job(id).attempt) for id in later} == {(State.COMPLETED, 1)}


def test_a_finished_job_is_not_taken_back_by_a_shutdown(work: Work) -> None:
    ids = [work.enqueue("work:nap", {"ms": 1}) for _ in range(3000)]
    worker = work.worker("--processes", 1, "--concurrency", 4)
    work.started(500)

    worker.signal(signal.SIGTERM)

    assert worker.wait() == 0
    ended = {row["id"] for row in work.history("end")}
    assert {job.id for job in work.client.list(state="completed", limit=len(ids)).items} == ended


def test_a_job_is_killed_from_another_process(work: Work) -> None:
    id = work.enqueue("work:stuck", {"s": 60}, timeout=120)
    work.worker("--processes", 2)
    work.started(1)
    began = time.monotonic()

    work.client.cancel(id, kill=True, reason="wrong customer")

    job = work.until(id, "cancelled")
    assert time.monotonic() - began < 3
    assert job.reason == "wrong customer"


def test_a_polite_job_is_cancelled_by_asking(work: Work) -> None:
    id = work.enqueue("work:polite", {})
    worker = work.worker("--processes", 1)
    work.started(1)
    child = worker.children()

    work.client.cancel(id)

    assert work.until(id, "cancelled").state is State.CANCELLED
    assert worker.children() == child


def test_a_handler_that_returns_first_is_completed(work: Work) -> None:
    id = work.enqueue("work:nap", {"ms": 1500})
    work.worker("--processes", 1)
    work.started(1)

    work.client.cancel(id)

    assert work.until(id, "completed", "cancelled").state is State.COMPLETED


def test_children_and_template_die_with_their_supervisor(work: Work) -> None:
    for _ in range(3):
        work.enqueue("work:stuck", {"s": 60}, timeout=120)
    worker = work.worker("--processes", 3)
    work.started(3)
    family = descendants(worker.pid)
    assert len(family) == 4

    os.kill(worker.pid, signal.SIGKILL)

    wait_for(lambda: not any(is_alive(pid) for pid in family), 2)


def test_the_death_of_the_template_is_no_jobs_crash(work: Work) -> None:
    id = work.enqueue("work:nap", {"ms": 2000})
    worker = work.worker("--processes", 1)
    work.started(1)
    template = worker.template()

    os.kill(template, signal.SIGKILL)
    worker.saw("template.died")
    wait_for(lambda: worker.template() not in (0, template))
    os.kill(worker.children()[0], signal.SIGKILL)

    assert work.until(id, "completed").crashes == 1


def test_the_jobs_of_a_dead_worker_come_back_unburnt(work: Work) -> None:
    id = work.enqueue("work:nap", {"ms": 3000})
    first = work.worker("--processes", 1)
    work.started(1)

    os.kill(first.pid, signal.SIGKILL)
    began = time.monotonic()
    work.worker("--processes", 1)

    work.started(2, seconds=35)
    assert time.monotonic() - began < 30
    job = work.until(id, "completed")
    assert (job.attempt, job.crashes, [error.type for error in job.errors]) == (1, 0, ["WorkerLost"])


def test_a_frozen_worker_that_thaws_finds_itself_replaced(work: Work) -> None:
    id = work.enqueue("work:nap", {"ms": 60000})
    frozen = work.worker("--processes", 1)
    work.started(1)
    family = [frozen.pid, *descendants(frozen.pid)]
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    work.worker("--processes", 1)
    work.started(2, seconds=40)
    old_child = work.history("start")[0]["pid"]

    for pid in family:
        os.kill(pid, signal.SIGCONT)

    frozen.saw("lease.lost", seconds=10)
    wait_for(lambda: not is_alive(old_child), 3)
    assert work.job(id).state is State.RUNNING
    assert frozen.process.poll() is None


def test_a_handler_that_closes_every_descriptor_loses_only_its_own_process(work: Work) -> None:
    id = work.enqueue("work:deaf", {}, max_crashes=1)
    other = work.enqueue("work:nap", {"ms": 20})

    work.drain("--processes", 2)

    assert work.job(id).state is State.FAILED
    assert work.job(other).state is State.COMPLETED


def test_grandchildren_are_reaped(work: Work) -> None:
    ids = [work.enqueue("work:orphan", {}) for _ in range(20)]
    worker = work.worker("--processes", 1)
    for id in ids:
        work.until(id, "completed")

    wait_for(lambda: len(descendants(worker.pid)) == 2)
    assert worker.process.poll() is None
