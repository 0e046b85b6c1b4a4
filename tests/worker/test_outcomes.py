"""What a handler does, and what becomes of its job."""

from __future__ import annotations

import pytest

from jobq.jobs import State
from tests.worker.harness import Work

pytestmark = pytest.mark.timeout(120)


def test_every_way_to_end_is_recorded(work: Work) -> None:
    ids = {name: work.enqueue(f"work:{name}", {}) for name in ("noop", "fail", "discard", "retry", "exit", "steps")}
    ids["snooze"] = work.enqueue("work:snooze", {"flag": str(work.folder / "flag")})

    summary = work.drain("--concurrency", 3)

    jobs = {name: work.job(id) for name, id in ids.items()}
    assert {name: job.state for name, job in jobs.items()} == {
        "noop": State.COMPLETED,
        "fail": State.FAILED,
        "discard": State.FAILED,
        "retry": State.COMPLETED,
        "exit": State.FAILED,
        "steps": State.COMPLETED,
        "snooze": State.COMPLETED,
    }
    assert {name: job.attempt for name, job in jobs.items()} == {
        "noop": 1, "fail": 3, "discard": 1, "retry": 2, "exit": 1, "steps": 2, "snooze": 1,
    }  # fmt: skip
    assert [error.type for error in jobs["fail"].errors] == ["ValueError"] * 3
    assert jobs["fail"].errors[0].traceback is not None
    assert jobs["exit"].errors[0].type == "SystemExit"
    assert jobs["steps"].result == {"done": 7}
    assert jobs["steps"].progress is not None
    assert summary["failed"] == 3
    assert summary["processed"] == summary["completed"] + summary["failed"] + summary["retried"]


def test_sync_and_async_handlers_run_side_by_side_in_one_child(work: Work) -> None:
    ids = [work.enqueue(f"work:{kind}", {"ms": 400}) for kind in ("nap", "async-nap") for _ in range(3)]

    work.drain("--processes", 1, "--concurrency", 6)

    assert {work.job(id).state for id in ids} == {State.COMPLETED}
    assert max(row["at"] for row in work.history("start")) < min(row["at"] for row in work.history("end"))


def test_a_handler_enqueues_through_its_supervisor(work: Work) -> None:
    parent = work.enqueue("work:parent", {}, metadata={"correlation_id": "abc"})

    work.drain("--concurrency", 2)

    child = work.job(work.job(parent).result)
    assert (child.state, child.queue, child.payload) == (State.COMPLETED, "children", {"from": parent})
    assert child.metadata == {"correlation_id": "abc"}


def test_progress_may_be_reported_in_any_way(work: Work) -> None:
    id = work.enqueue("work:mumble", {})

    work.drain()

    job = work.job(id)
    assert (job.state, job.crashes, job.errors) == (State.COMPLETED, 0, ())
    assert job.progress is not None
    assert job.progress.percent == 40


def test_what_a_handler_says_is_logged_under_its_job(work: Work) -> None:
    id = work.enqueue("work:talk", {})

    worker = work.worker("--drain")
    worker.wait()

    said = {row["line"] if "line" in row else row["event"] for row in worker.log() if row.get("job_id") == id}
    assert {"said with print", "said on stderr", "said with logging"} <= said


def test_a_flood_of_output_blocks_nobody(work: Work) -> None:
    flood = work.enqueue("work:flood", {"mib": 64})
    naps = [work.enqueue("work:nap", {"ms": 5}) for _ in range(50)]

    work.drain("--processes", 2)

    assert {work.job(id).state for id in [flood, *naps]} == {State.COMPLETED}


def test_a_name_without_a_handler_waits_unharmed(work: Work) -> None:
    orphan = work.enqueue("nobody:has-this", {})
    known = work.enqueue("work:noop", {})

    summary = work.drain()

    assert summary["processed"] == 1
    assert work.job(known).state is State.COMPLETED
    assert (work.job(orphan).state, work.job(orphan).attempt) == (State.PENDING, 0)


def test_max_jobs_and_max_runtime_end_a_worker(work: Work) -> None:
    ids = [work.enqueue("work:nap", {"ms": 20}) for _ in range(10)]
    counted = work.worker("--max-jobs", 4, "--processes", 1)
    assert counted.wait() == 0
    assert sum(work.job(id).state is State.COMPLETED for id in ids) == 4

    timed = work.worker("--max-runtime", "1s")

    assert timed.wait() == 0
    assert {work.job(id).state for id in ids} == {State.COMPLETED}


def test_drain_can_fail_on_errors(work: Work) -> None:
    work.enqueue("work:discard", {})

    assert work.worker("--drain", "--fail-on-error").wait() == 1


def test_the_log_tells_what_became_of_each_job(work: Work) -> None:
    failed = work.enqueue("work:fail", {"message": "too tired"})
    fine = work.enqueue("work:noop", {})

    worker = work.worker("--drain")
    worker.wait()

    (end,) = worker.events("job.failed")
    assert (end["job_id"], end["job_name"], end["queue"], end["attempt"], end["reason"]) == (
        failed, "work:fail", "default", 3, "exhausted",
    )  # fmt: skip
    assert end["error"] == "ValueError: too tired"
    assert [row["attempt"] for row in worker.events("job.retrying")] == [1, 2]
    assert [row["job_id"] for row in worker.events("job.completed")] == [fine]
