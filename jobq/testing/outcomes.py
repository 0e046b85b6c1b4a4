"""The contract, part three: what each outcome makes of the job."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobq.jobs import (
    AttemptError,
    Cancelled,
    Completed,
    ErrorInfo,
    Failed,
    NewJob,
    Note,
    Outcome,
    Progress,
    Released,
    Retried,
    Snoozed,
    State,
    Suspected,
)
from jobq.testing.stage import BOOM, FAR, WORK, Contract, Stage, Worker, ids


class OutcomeContract(Contract):
    """What each outcome makes of the job."""

    @pytest.fixture
    def worker(self, stage: Stage) -> Worker:
        """A worker, with one job `a` waiting for it."""
        stage.put(NewJob(id="a", name=WORK))
        return stage.worker()

    def test_a_completed_job_keeps_its_result(self, stage: Stage, worker: Worker) -> None:
        worker.run(Completed(result='{"url":"x","size":3}'))

        job = stage.job("a")
        assert (job.state, job.result, job.errors, job.reason) == (State.COMPLETED, {"url": "x", "size": 3}, (), None)
        assert job.finished_at is not None

    def test_a_completed_job_without_a_result_has_none(self, stage: Stage, worker: Worker) -> None:
        worker.run(Completed())

        assert stage.job("a").result is None

    def test_a_finished_job_says_when_it_started_and_how_long_it_ran(self, stage: Stage, worker: Worker) -> None:
        worker.run(Completed(), elapsed=90.0)

        job = stage.job("a")
        assert job.started_at is not None
        assert job.finished_at is not None
        assert abs((job.finished_at - job.started_at).total_seconds() - 90) < 1
        assert job.worker == "worker-1"

    def test_a_retried_job_waits_for_its_delay_with_the_error_in_its_history(
        self, stage: Stage, worker: Worker
    ) -> None:
        worker.run(Retried(error=BOOM, delay=FAR))

        job = stage.job("a")
        assert (job.state, job.attempt, job.crashes, job.finished_at) == (State.RETRYING, 1, 0, None)
        assert abs((job.run_at - stage.inspector.now()).total_seconds() - FAR) < 30
        assert worker.claim() == []

    def test_an_error_carries_who_when_and_in_which_attempt(self, stage: Stage, worker: Worker) -> None:
        worker.run(Retried(error=BOOM, delay=0))
        worker.run(Failed(error=ErrorInfo(type="KeyError", message="'x'"), reason="exhausted"))

        first, second = stage.job("a").errors
        assert first == AttemptError(
            attempt=1, type=BOOM.type, message=BOOM.message, traceback=BOOM.traceback, at=first.at, worker="worker-1"
        )
        assert (second.attempt, second.type, second.message, second.traceback) == (2, "KeyError", "'x'", None)
        assert stage.job("a").created_at <= first.at <= second.at <= stage.inspector.now()

    def test_a_failed_job_keeps_its_reason_and_its_error(self, stage: Stage, worker: Worker) -> None:
        worker.run(Failed(error=BOOM, reason="discarded"))

        job = stage.job("a")
        assert (job.state, job.reason, job.attempt, job.crashes) == (State.FAILED, "discarded", 1, 0)
        assert [error.message for error in job.errors] == ["boom"]
        assert job.finished_at is not None

    def test_a_cancelled_job_keeps_its_reason(self, stage: Stage, worker: Worker) -> None:
        worker.run(Cancelled(reason="not wanted"))

        job = stage.job("a")
        assert (job.state, job.reason, job.attempt, job.errors) == (State.CANCELLED, "not wanted", 1, ())
        assert job.finished_at is not None

    def test_a_snoozed_job_is_scheduled_again(self, stage: Stage, worker: Worker) -> None:
        worker.run(Snoozed(delay=FAR))

        job = stage.job("a")
        assert (job.state, job.errors, job.crashes) == (State.SCHEDULED, (), 0)
        assert abs((job.run_at - stage.inspector.now()).total_seconds() - FAR) < 30

    def test_a_released_job_is_pending_with_nothing_held_against_it(self, stage: Stage, worker: Worker) -> None:
        before = stage.job("a")

        worker.run(Released())

        job = stage.job("a")
        assert (job.state, job.errors, job.crashes, job.losses) == (State.PENDING, (), 0, 0)
        assert job.run_at == before.run_at

    def test_a_crash_counts_and_the_next_run_is_alone(self, stage: Stage, worker: Worker) -> None:
        worker.run(Retried(error=BOOM, delay=0, crash=True))

        claim = worker.take()
        assert (claim.attempt, claim.crashes, claim.alone) == (2, 1, True)
        assert stage.job("a").crashes == 1

    def test_an_ordinary_failure_lets_the_next_run_share_its_process(self, stage: Stage, worker: Worker) -> None:
        worker.run(Retried(error=BOOM, delay=0, crash=True))
        worker.run(Retried(error=BOOM, delay=0))

        claim = worker.take()
        assert (claim.attempt, claim.crashes, claim.alone) == (3, 1, False)

    def test_a_crash_that_ends_the_job_counts_too(self, stage: Stage, worker: Worker) -> None:
        worker.run(Failed(error=BOOM, reason="crashed", crash=True))

        job = stage.job("a")
        assert (job.state, job.reason, job.crashes, job.attempt) == (State.FAILED, "crashed", 1, 1)

    def test_a_suspect_goes_back_in_line_with_a_mark_and_runs_alone(self, stage: Stage, worker: Worker) -> None:
        before = stage.job("a")

        worker.run(Suspected(error=BOOM))

        job = stage.job("a")
        assert (job.state, job.crashes, job.run_at) == (State.PENDING, 1, before.run_at)
        assert [(error.attempt, error.message) for error in job.errors] == [(1, "boom")]
        assert worker.take().alone

    @pytest.mark.parametrize("outcome", [Snoozed(delay=0), Retried(error=BOOM, delay=0)], ids=["snoozed", "retried"])
    def test_a_run_alone_that_ends_without_a_crash_clears_a_suspicion(self, worker: Worker, outcome: Outcome) -> None:
        worker.run(Suspected(error=BOOM))

        suspected = worker.run(outcome)

        assert (suspected.alone, worker.take().alone) == (True, False)

    def test_a_release_does_not_clear_a_suspicion(self, worker: Worker) -> None:
        worker.run(Suspected(error=BOOM))
        worker.run(Released())

        assert worker.take().alone

    def test_a_lost_worker_does_not_clear_a_suspicion(self, stage: Stage, worker: Worker) -> None:
        worker.run(Suspected(error=BOOM))
        worker.take()

        stage.lose(worker)

        claim = stage.worker().take()
        assert (claim.alone, claim.crashes, claim.losses) == (True, 1, 1)

    def test_progress_and_checkpoint_of_a_running_job_are_kept(self, stage: Stage, worker: Worker) -> None:
        claim = worker.take()

        worker.annotate(Note(id="a", token=claim.token, percent=40.0, message="forty", checkpoint='{"page":4}'))

        assert stage.job("a").progress == Progress(percent=40.0, message="forty")
        worker.settle(claim, Retried(error=BOOM, delay=0))
        assert worker.take().checkpoint == '{"page":4}'

    def test_a_note_changes_only_what_it_names(self, stage: Stage, worker: Worker) -> None:
        claim = worker.take()
        worker.annotate(Note(id="a", token=claim.token, percent=40.0, checkpoint="1"))

        worker.annotate(Note(id="a", token=claim.token, checkpoint="2"), Note(id="nobody", token="1", percent=1.0))
        before = stage.job("a").progress
        worker.annotate(Note(id="a", token=claim.token, percent=50.0))

        assert (before, stage.job("a").progress) == (Progress(percent=40.0), Progress(percent=50.0))
        worker.settle(claim, Released())
        assert worker.take().checkpoint == "2"

    def test_every_change_moves_updated_at(self, stage: Stage, worker: Worker) -> None:
        seen = [stage.job("a").updated_at]
        for act in (worker.take, lambda: stage.lose(worker), lambda: stage.worker().run(Completed())):
            stage.pass_time(0.001)
            act()
            seen.append(stage.job("a").updated_at)

        assert seen == sorted(set(seen))
        assert seen[0] - stage.job("a").created_at < timedelta(seconds=1)

    def test_a_released_job_keeps_its_place_at_the_head(self, stage: Stage, worker: Worker) -> None:
        stage.put(NewJob(id="b", name=WORK), NewJob(id="c", name=WORK))

        worker.run(Released())

        assert ids(worker.claim(3)) == ["a", "b", "c"]
