"""The contract, part two: settling a claim, once, and what each outcome makes of the job."""

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
    Settled,
    Settlement,
    Snoozed,
    State,
    Suspected,
)
from jobq.testing.stage import BOOM, FAR, WORK, Contract, Stage, Worker, eventually, ids

OUTCOMES: tuple[Outcome, ...] = (
    Completed(result='{"ok":true}'),
    Failed(error=BOOM, reason="exhausted"),
    Cancelled(reason="enough"),
    Retried(error=BOOM, delay=FAR),
    Snoozed(delay=FAR),
    Released(),
    Suspected(error=BOOM),
)
every_outcome = pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__.lower())


class FencingContract(Contract):
    """Laws 2, 3 and 4: a claim settles once, and a stale one settles nothing."""

    @every_outcome
    def test_a_settlement_repeated_with_its_token_is_applied_and_changes_nothing(
        self, stage: Stage, outcome: Outcome
    ) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        claim = worker.run(outcome)
        before = stage.job("a")

        again = worker.settle(claim, outcome)

        assert (again, stage.job("a")) == (Settled.APPLIED, before)

    def test_a_repeated_settlement_cannot_change_its_mind(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        claim = worker.run(Completed(result="1"))

        worker.settle(claim, Failed(error=BOOM, reason="exhausted"))

        job = stage.job("a")
        assert (job.state, job.result, job.errors) == (State.COMPLETED, 1, ())

    @every_outcome
    def test_a_token_that_was_never_given_out_is_lost(self, stage: Stage, outcome: Outcome) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        worker.take()
        before = stage.job("a")

        settled = worker.settle_all([Settlement(id="a", token="987654321", outcome=outcome)])

        assert (settled, stage.job("a")) == ([Settled.LOST], before)

    def test_the_token_of_another_job_is_lost(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK), NewJob(id="b", name=WORK))
        worker = stage.worker()
        tokens = {claim.id: claim.token for claim in worker.claim(2)}

        settled = worker.settle_all([Settlement(id="a", token=tokens["b"], outcome=Completed())])

        assert (settled, stage.state("a"), stage.state("b")) == ([Settled.LOST], State.RUNNING, State.RUNNING)

    def test_a_settlement_of_a_job_that_is_not_there_is_lost(self, stage: Stage) -> None:
        worker = stage.worker()

        assert worker.settle_all([Settlement(id="nobody", token="1", outcome=Completed())]) == [Settled.LOST]

    @every_outcome
    def test_a_stale_claim_does_not_settle_the_next_attempt(self, stage: Stage, outcome: Outcome) -> None:
        stage.put(NewJob(id="a", name=WORK))
        stale_worker, next_worker = stage.worker(), stage.worker()
        stale = stale_worker.take()
        stage.lose(stale_worker)
        fresh = next_worker.take()
        before = stage.job("a")

        settled = stale_worker.settle(stale, outcome)

        assert (settled, stage.job("a")) == (Settled.LOST, before)
        assert next_worker.settle(fresh, Completed()) is Settled.APPLIED

    def test_a_stale_claim_does_not_settle_a_job_that_waits_again(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        stale = worker.take()
        stage.lose(worker)
        before = stage.job("a")

        settled = worker.settle(stale, Completed())

        assert (settled, stage.job("a")) == (Settled.LOST, before)

    def test_a_stale_claim_does_not_settle_a_job_that_another_has_finished(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        stale = worker.take()
        stage.lose(worker)
        stage.worker().run(Completed(result='"theirs"'))
        before = stage.job("a")

        settled = worker.settle(stale, Failed(error=BOOM, reason="exhausted"))

        assert (settled, stage.job("a")) == (Settled.LOST, before)

    def test_a_claim_of_an_ended_lease_is_lost_once_the_job_was_taken_back(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker, other = stage.worker(lease=stage.moment), stage.worker()
        stale = worker.take()

        stage.pass_time(stage.moment)
        eventually(lambda: stage.maintainer.rescue() or stage.state("a") is State.PENDING)

        fresh = other.take()
        assert (worker.settle(stale, Completed()), worker.extend(stale)) == (Settled.LOST, False)
        assert other.settle(fresh, Completed()) is Settled.APPLIED

    def test_a_late_settlement_counts_while_nobody_has_taken_the_job_back(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker(lease=stage.moment)
        claim = worker.take()

        stage.pass_time(stage.moment)

        assert (worker.settle(claim, Completed()), stage.state("a")) == (Settled.APPLIED, State.COMPLETED)

    def test_a_settled_claim_cannot_settle_the_next_attempt(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        old = worker.run(Retried(error=BOOM, delay=0))
        new = worker.take()

        worker.settle(old, Completed())

        assert stage.state("a") is State.RUNNING
        assert worker.settle(new, Failed(error=BOOM, reason="discarded")) is Settled.APPLIED

    def test_a_stale_note_is_ignored(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker, other = stage.worker(), stage.worker()
        stale = worker.take()
        stage.lose(worker)
        other.take()

        worker.annotate(Note(id="a", token=stale.token, percent=99.0, message="stale", checkpoint='"stale"'))

        assert stage.job("a").progress is None
        stage.lose(other)
        assert stage.worker().take().checkpoint is None

    def test_answers_come_in_the_order_of_the_settlements(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(6)])
        worker = stage.worker()
        tokens = {claim.id: claim.token for claim in worker.claim(6)}
        wanted = ["job-4", "nobody", "job-0", "job-5", "job-2"]

        settled = worker.settle_all(
            [Settlement(id=id, token=tokens.get(id, "1"), outcome=OUTCOMES[n]) for n, id in enumerate(wanted)]
        )

        assert settled == [Settled.APPLIED, Settled.LOST, Settled.APPLIED, Settled.APPLIED, Settled.APPLIED]
        states = [stage.state(id) for id in ("job-4", "job-0", "job-5", "job-2", "job-1")]
        assert states == [State.COMPLETED, State.CANCELLED, State.RETRYING, State.SCHEDULED, State.RUNNING]

    def test_nothing_to_settle_is_nothing_settled(self, stage: Stage) -> None:
        assert stage.worker().settle_all([]) == []


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
