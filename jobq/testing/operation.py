"""The contract, part seven: cancelling, retrying and deleting by hand, and a worker's inbox."""

from __future__ import annotations

import pytest

from jobq.jobs import (
    Cancelled,
    Command,
    Completed,
    Failed,
    NewJob,
    Outcome,
    Released,
    Retried,
    Settled,
    Snoozed,
    State,
    Suspected,
)
from jobq.testing.stage import BOOM, FAR, WORK, Contract, Stage, ids

FINISHING: tuple[Outcome, ...] = (Completed(), Failed(error=BOOM, reason="exhausted"), Cancelled(reason="first"))
RETURNING: tuple[Outcome, ...] = (
    Retried(error=BOOM, delay=0),
    Snoozed(delay=0),
    Released(),
    Suspected(error=BOOM),
)


def _word(outcome: Outcome) -> str:
    return type(outcome).__name__.lower()


class CancelContract(Contract):
    """Cancelled at once while it waits; asked for while it runs; too late when it has ended."""

    def test_waiting_jobs_are_cancelled_at_once(self, stage: Stage) -> None:
        stage.put(NewJob(id="retrying", name=WORK))
        stage.worker().run(Retried(error=BOOM, delay=FAR))
        stage.put(NewJob(id="pending", name=WORK), NewJob(id="scheduled", name=WORK, delay=FAR))

        changed = stage.operator.cancel(["pending", "retrying", "scheduled"], reason="not needed")

        assert changed == ["pending", "retrying", "scheduled"]
        assert {(stage.state(id), stage.job(id).reason) for id in changed} == {(State.CANCELLED, "not needed")}
        assert all(stage.job(id).finished_at is not None for id in changed)

    @pytest.mark.parametrize("outcome", FINISHING, ids=_word)
    def test_a_job_that_has_ended_is_left_alone(self, stage: Stage, outcome: Outcome) -> None:
        stage.put(NewJob(id="a", name=WORK))
        stage.worker().run(outcome)
        before = stage.job("a")

        assert (stage.operator.cancel(["a"], reason="late"), stage.job("a")) == ([], before)

    def test_ids_that_changed_come_in_the_order_given(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=id, name=WORK) for id in ("a", "b", "c")])

        assert stage.operator.cancel(["c", "nobody", "a"]) == ["c", "a"]

        assert stage.state("b") is State.PENDING

    def test_the_worker_of_a_running_job_is_asked(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker, other = stage.worker(), stage.worker()
        worker.take()

        assert stage.operator.cancel(["a"], reason="wrong one") == ["a"]

        assert (stage.state("a"), stage.job("a").cancel_requested) == (State.RUNNING, True)
        assert worker.inbox() == [Command(kind="cancel", job_id="a", reason="wrong one")]
        assert other.inbox() == []

    def test_the_worker_of_a_running_job_is_told_to_kill_it(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        worker.take()
        stage.operator.cancel(["a"])

        stage.operator.cancel(["a"], kill=True)

        assert [command.kind for command in worker.inbox()] == ["cancel", "kill"]

    def test_a_job_that_returns_first_is_completed(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        claim = worker.take()
        stage.operator.cancel(["a"])

        worker.settle(claim, Completed(result="1"))

        assert (stage.state("a"), stage.job("a").result) == (State.COMPLETED, 1)

    def test_a_job_that_gives_in_keeps_the_reason_of_the_request(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        claim = worker.take()
        stage.operator.cancel(["a"], reason="wrong one")

        worker.settle(claim, Cancelled())

        assert (stage.state("a"), stage.job("a").reason) == (State.CANCELLED, "wrong one")

    @pytest.mark.parametrize("outcome", RETURNING, ids=_word)
    def test_a_cancelled_job_does_not_come_back_in_line(self, stage: Stage, outcome: Outcome) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k"))
        worker = stage.worker()
        claim = worker.take()
        stage.operator.cancel(["a"], reason="wrong one")

        assert worker.settle(claim, outcome) is Settled.APPLIED

        job = stage.job("a")
        assert (job.state, job.reason, job.finished_at is not None) == (State.CANCELLED, "wrong one", True)
        assert worker.claim() == []
        assert stage.put(NewJob(id="b", name=WORK, unique_key="k")) == ["b"]

    def test_a_cancelled_job_whose_worker_is_lost_is_cancelled(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        worker.take()
        stage.operator.cancel(["a"], reason="wrong one")

        stage.lose(worker)

        assert (stage.state("a"), stage.job("a").reason) == (State.CANCELLED, "wrong one")

    def test_a_running_job_can_be_cancelled_when_its_worker_has_gone(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        worker.take()
        worker.leave()

        assert stage.operator.cancel(["a"]) == ["a"]

        stage.maintainer.rescue()
        assert stage.state("a") is State.CANCELLED

    def test_a_hand_retried_job_has_forgotten_that_it_was_cancelled(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        claim = worker.take()
        stage.operator.cancel(["a"], reason="wrong one")
        worker.settle(claim, Released())

        stage.operator.retry(["a"])
        worker.run(Released())
        before = stage.job("a")
        worker.run(Cancelled())

        assert (before.state, before.cancel_requested) == (State.PENDING, False)
        assert stage.job("a").reason is None


class RetryContract(Contract):
    """Put back in line by hand."""

    def test_a_failed_job_is_pending_again_and_keeps_its_history(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, max_attempts=1))
        worker = stage.worker()
        worker.run(Failed(error=BOOM, reason="exhausted", crash=True))

        assert stage.operator.retry(["a"]) == ["a"]

        job = stage.job("a")
        assert (job.state, job.attempt, job.crashes, job.rounds) == (State.PENDING, 1, 0, 1)
        assert [error.message for error in job.errors] == ["boom"]
        assert (job.finished_at, job.started_at, job.reason, job.worker) == (None, None, None, None)

    def test_the_next_run_of_a_hand_retried_job_counts_on(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, max_attempts=1))
        worker = stage.worker()
        for _ in range(2):
            worker.run(Failed(error=BOOM, reason="exhausted", crash=True))
            stage.operator.retry(["a"])

        claim = worker.take()

        assert (claim.attempt, claim.rounds, claim.crashes, claim.alone, claim.max_attempts) == (3, 2, 0, False, 1)

    def test_a_hand_retried_job_has_all_its_losses_before_it(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        worker.take()
        stage.lose(worker)
        worker = stage.worker()
        worker.run(Failed(error=BOOM, reason="exhausted"))

        stage.operator.retry(["a"])

        assert worker.take().losses == 0

    def test_a_hand_retried_job_is_no_longer_a_suspect(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        worker.run(Suspected(error=BOOM))
        stage.operator.cancel(["a"])

        stage.operator.retry(["a"])

        assert not worker.take().alone

    def test_a_cancelled_job_can_be_retried(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        stage.operator.cancel(["a"])

        assert stage.operator.retry(["a"]) == ["a"]

        assert ids(stage.worker().claim()) == ["a"]

    def test_retrying_and_scheduled_jobs_need_not_wait_any_longer(self, stage: Stage) -> None:
        stage.put(NewJob(id="retrying", name=WORK))
        worker = stage.worker()
        worker.run(Retried(error=BOOM, delay=FAR))
        stage.put(NewJob(id="scheduled", name=WORK, delay=FAR))

        assert stage.operator.retry(["retrying", "scheduled"]) == ["retrying", "scheduled"]

        assert (stage.state("retrying"), stage.state("scheduled")) == (State.PENDING, State.PENDING)
        assert sorted(ids(worker.claim(5))) == ["retrying", "scheduled"]

    def test_a_retrying_job_that_is_retried_by_hand_starts_afresh_too(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, expires_in=FAR))
        lost, worker = stage.worker(), stage.worker()
        lost.take()
        stage.lose(lost)
        worker.run(Retried(error=BOOM, delay=FAR, crash=True))

        stage.operator.retry(["a"])

        claim = worker.take()
        assert (claim.attempt, claim.crashes, claim.losses, claim.alone, claim.expires_at) == (2, 0, 0, False, None)

    def test_a_retry_may_be_delayed(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        worker.run(Failed(error=BOOM, reason="exhausted"))

        stage.operator.retry(["a"], delay=FAR)

        assert (stage.state("a"), worker.claim()) == (State.SCHEDULED, [])
        assert abs((stage.job("a").run_at - stage.inspector.now()).total_seconds() - FAR) < 30

    def test_running_completed_and_unknown_jobs_are_left_out(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=id, name=WORK) for id in ("completed", "running", "failed")])
        worker = stage.worker()
        worker.run(Completed())
        worker.take()
        worker.run(Failed(error=BOOM, reason="exhausted"))

        assert stage.operator.retry(["running", "failed", "nobody", "completed"]) == ["failed"]

        assert (stage.state("running"), stage.state("completed")) == (State.RUNNING, State.COMPLETED)

    def test_a_hand_retried_job_takes_its_unique_key_again(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k"))
        stage.worker().run(Failed(error=BOOM, reason="exhausted"))

        stage.operator.retry(["a"])

        assert stage.put(NewJob(id="b", name=WORK, unique_key="k")) == ["a"]

    def test_a_job_whose_unique_key_another_holds_is_left_out(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k"))
        stage.worker().run(Failed(error=BOOM, reason="exhausted"))
        stage.put(NewJob(id="b", name=WORK, unique_key="k", delay=FAR))

        assert stage.operator.retry(["a"]) == []

        assert stage.state("a") is State.FAILED

    def test_of_two_jobs_with_one_unique_key_one_comes_back(self, stage: Stage) -> None:
        for id in ("a", "b"):
            stage.put(NewJob(id=id, name=WORK, unique_key="k"))
            stage.worker().run(Failed(error=BOOM, reason="exhausted"))

        assert stage.operator.retry(["b", "a"]) == ["b"]

        assert (stage.state("a"), stage.state("b")) == (State.FAILED, State.PENDING)

    def test_a_hand_retried_job_does_not_expire(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, expires_in=stage.moment))
        stage.pass_time(stage.moment)
        stage.maintainer.expire()

        stage.operator.retry(["a"])

        assert (stage.maintainer.expire(), stage.job("a").expires_at) == (0, None)
        assert ids(stage.worker().claim()) == ["a"]

    def test_a_stale_claim_does_not_settle_a_hand_retried_job(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        old = worker.run(Failed(error=BOOM, reason="exhausted"))
        stage.operator.retry(["a"])

        worker.settle(old, Completed())

        assert stage.state("a") is State.PENDING


class DeleteContract(Contract):
    """Forgetting jobs that are not running."""

    def test_waiting_and_finished_jobs_are_forgotten(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=id, name=WORK) for id in ("done", "waiting", "kept")])
        stage.worker().run(Completed())

        assert stage.operator.delete(["waiting", "nobody", "done"]) == ["waiting", "done"]

        assert stage.find() == ["kept"]

    def test_a_running_job_is_left_alone(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        claim = worker.take()

        assert stage.operator.delete(["a"]) == []

        assert worker.settle(claim, Completed()) is Settled.APPLIED

    def test_a_forgotten_job_is_not_handed_out(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK), NewJob(id="b", name=WORK))

        stage.operator.delete(["a"])

        assert ids(stage.worker().claim(5)) == ["b"]

    def test_a_settlement_of_a_forgotten_job_is_no_error(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        claim = worker.run(Retried(error=BOOM, delay=FAR))
        stage.operator.delete(["a"])

        assert worker.settle(claim, Completed()) in set(Settled)

        assert stage.inspector.get("a") is None


class InboxContract(Contract):
    """What is posted to a worker arrives once, in order."""

    def test_commands_arrive_whole_in_their_order_and_once(self, stage: Stage) -> None:
        worker, other = stage.worker(), stage.worker()
        commands = [
            Command(kind="quiet", reason="deploy"),
            Command(kind="resume"),
            Command(kind="scale", value=4),
            Command(kind="dump"),
            Command(kind="kill", job_id="a", reason="stuck"),
            Command(kind="stop"),
        ]

        posted = [stage.operator.post(worker.id, command) for command in commands]

        assert posted == [True] * 6
        assert (worker.inbox(), worker.inbox(), other.inbox()) == (commands, [], [])

    def test_nobody_can_be_told_nothing(self, stage: Stage) -> None:
        gone = stage.worker()
        gone.leave()

        command = Command(kind="stop")
        assert [stage.operator.post(id, command) for id in ("nobody", gone.id)] == [False, False]
