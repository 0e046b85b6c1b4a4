"""The contract, part one: what a claim is, and how long it holds."""

from __future__ import annotations

from datetime import timedelta

from jobq.jobs import Cancelled, Completed, NewJob, Released, Retried, Settled, Snoozed, State, Suspected
from jobq.testing.stage import BOOM, FAR, WORK, Contract, Stage, ids


class ClaimContract(Contract):
    """Laws 1 and 9, and what a worker is told about the job in its hands."""

    def test_a_claimed_job_is_not_claimed_again(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        first, second = stage.worker(), stage.worker()

        assert ids(first.claim()) == ["a"]

        assert first.claim() == second.claim() == []

    def test_a_batch_never_holds_a_job_twice(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(10)])

        claims = stage.worker().claim(50)

        assert sorted(ids(claims)) == sorted(f"job-{n}" for n in range(10))

    def test_no_more_jobs_are_handed_out_than_were_asked_for(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(10)])
        worker = stage.worker()

        sizes = [len(worker.claim(4)) for _ in range(4)]

        assert sizes == [4, 4, 2, 0]

    def test_an_empty_store_hands_out_nothing_and_knows_of_nothing_to_wait_for(self, stage: Stage) -> None:
        claimed = stage.worker().ask(5)

        assert (claimed.claims, claimed.wait) == ((), None)

    def test_every_claim_has_a_token_of_its_own(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(5)])
        worker = stage.worker()

        tokens = [claim.token for claim in worker.claim(3)]
        tokens += [claim.token for claim in worker.claim(3)]

        assert len(set(tokens)) == 5

    def test_the_next_claim_of_a_job_has_another_token(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()

        tokens = {worker.run(Released()).token, worker.run(Released()).token, worker.take().token}

        assert len(tokens) == 3

    def test_only_loaded_names_are_claimed(self, stage: Stage) -> None:
        stage.put(NewJob(id="mine", name=WORK), NewJob(id="other", name="test:other"), NewJob(id="like", name="test"))
        worker = stage.worker()

        assert ids(worker.claim(10)) == ["mine"]

        assert [stage.state(id) for id in ("other", "like")] == [State.PENDING, State.PENDING]

    def test_a_worker_that_has_loaded_nothing_gets_nothing(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))

        claimed = stage.worker(names=()).ask(10)

        assert (claimed.claims, claimed.wait) == ((), None)

    def test_a_name_loaded_later_is_claimed_then(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name="test:new"))
        worker = stage.worker()
        assert worker.claim() == []

        assert ids(worker.claim(names=[WORK, "test:new"])) == ["a"]

    def test_a_claim_carries_everything_that_was_enqueued(self, stage: Stage) -> None:
        asked = NewJob(
            id="a",
            name=WORK,
            queue="mail",
            priority=-7,
            payload='{"z":1,"a":[true,null]}',
            expires_in=FAR,
            max_attempts=7,
            max_crashes=2,
            timeout=12.5,
            backoff="fixed:10s",
            metadata='{"trace":"t-1"}',
            tags=("red", "blue"),
            unique_key="only-one",
            partition_key="tenant-9",
            schedule="nightly",
        )
        stage.put(asked)

        claim = stage.worker().take()

        same = ["id", "name", "queue", "priority", "payload", "max_attempts", "max_crashes", "timeout", "backoff"]
        same += ["metadata", "tags", "unique_key", "partition_key", "schedule"]
        assert {field: getattr(claim, field) for field in same} == {field: getattr(asked, field) for field in same}
        assert (claim.attempt, claim.crashes, claim.losses, claim.rounds, claim.alone) == (1, 0, 0, 0, False)
        assert (claim.batch_id, claim.checkpoint) == (None, None)
        assert claim.expires_at is not None
        assert abs((claim.expires_at - claim.created_at).total_seconds() - FAR) < 1

    def test_options_that_nobody_gave_stay_unset(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))

        claim = stage.worker().take()

        assert (claim.max_attempts, claim.max_crashes, claim.timeout, claim.backoff) == (None, None, None, None)
        assert (claim.unique_key, claim.partition_key, claim.schedule, claim.expires_at) == (None, None, None, None)

    def test_a_claim_is_told_the_same_times_as_everybody_else(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))

        claim = stage.worker().take()

        job = stage.job("a")
        assert (claim.created_at, claim.run_at) == (job.created_at, job.run_at)
        assert claim.created_at.utcoffset() == timedelta(0)

    def test_an_attempt_counts_from_the_claim_on(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        before = stage.job("a").attempt

        claim = stage.worker().take()

        job = stage.job("a")
        assert (before, claim.attempt, job.attempt, job.state) == (0, 1, 1, State.RUNNING)

    def test_a_completed_attempt_stays_counted(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))

        stage.worker().run(Completed())

        assert stage.job("a").attempt == 1

    def test_each_failed_attempt_counts_once(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()

        attempts = [worker.run(Retried(error=BOOM, delay=0)).attempt for _ in range(4)]

        assert (attempts, stage.job("a").attempt) == ([1, 2, 3, 4], 4)

    def test_a_release_takes_the_attempt_back(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        worker.run(Retried(error=BOOM, delay=0))

        worker.run(Released())

        assert (stage.job("a").attempt, worker.take().attempt) == (1, 2)

    def test_a_snooze_takes_the_attempt_back(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()

        worker.run(Snoozed(delay=0))

        assert (stage.job("a").attempt, worker.take().attempt) == (0, 1)

    def test_a_suspicion_takes_the_attempt_back(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()

        worker.run(Suspected(error=BOOM))

        assert (stage.job("a").attempt, worker.take().attempt) == (0, 1)

    def test_a_lost_worker_takes_the_attempt_back(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        lost = stage.worker()
        lost.take()

        stage.lose(lost)

        assert (stage.job("a").attempt, stage.worker().take().attempt) == (0, 1)

    def test_a_running_job_says_who_runs_it_and_since_when(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        before = stage.inspector.now()

        stage.worker().take()

        job = stage.job("a")
        assert job.worker == "worker-1"
        assert job.started_at is not None
        assert before <= job.started_at <= stage.inspector.now()

    def test_a_waiting_job_belongs_to_nobody(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        before = stage.job("a")

        stage.worker().run(Released())

        after = stage.job("a")
        assert (before.worker, before.started_at) == (after.worker, after.started_at) == (None, None)

    def test_a_delayed_job_is_scheduled_and_not_handed_out(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, delay=FAR))
        worker = stage.worker()

        assert worker.claim() == []

        job = stage.job("a")
        assert job.state is State.SCHEDULED
        assert abs((job.run_at - job.created_at).total_seconds() - FAR) < 1

    def test_a_claim_says_how_long_until_the_next_job_falls_due(self, stage: Stage) -> None:
        stage.put(NewJob(id="late", name=WORK, delay=2 * FAR), NewJob(id="a", name=WORK, delay=FAR))
        stage.put(NewJob(id="not-mine", name="test:other", delay=60))

        wait = stage.worker().ask().wait

        assert wait is not None
        assert FAR - 30 < wait <= FAR

    def test_what_another_queue_waits_for_is_no_reason_to_wait(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, queue="slow", delay=FAR))
        worker = stage.worker()

        waits = [worker.ask(queues=["fast"]).wait, worker.ask(exclude=["slow"]).wait, worker.ask(names=["x"]).wait]

        assert waits == [None, None, None]

    def test_a_finished_or_running_job_is_nothing_to_wait_for(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK), NewJob(id="b", name=WORK), NewJob(id="c", name=WORK, delay=FAR))
        worker = stage.worker()
        worker.run(Completed())
        worker.take()
        stage.operator.cancel(["c"])

        assert worker.ask().wait is None

    def test_a_job_that_has_expired_is_nothing_to_wait_for(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, delay=FAR, expires_in=stage.moment))

        stage.pass_time(stage.moment)

        assert stage.worker().ask().wait is None

    def test_a_delayed_job_is_handed_out_when_it_falls_due(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, delay=stage.moment))
        worker = stage.worker()
        worker.ask(names=["test:other"])

        stage.pass_time(stage.moment)

        assert ids(worker.claim()) == ["a"]

    def test_a_job_whose_time_has_come_reads_as_pending(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, delay=stage.moment))

        stage.pass_time(stage.moment)

        assert stage.state("a") is State.PENDING

    def test_a_job_waiting_for_its_retry_is_handed_out_when_it_falls_due(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        worker.run(Retried(error=BOOM, delay=stage.moment))

        stage.pass_time(stage.moment)

        assert stage.state("a") is State.RETRYING
        assert ids(worker.claim()) == ["a"]

    def test_run_at_wins_over_delay(self, stage: Stage) -> None:
        due = stage.inspector.now() - timedelta(hours=1)

        stage.put(NewJob(id="a", name=WORK, run_at=due, delay=FAR))

        assert (stage.state("a"), stage.job("a").run_at) == (State.PENDING, due)

    def test_a_fenced_worker_claims_nothing(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK), NewJob(id="b", name=WORK))
        lost = stage.worker()
        lost.take()

        stage.lose(lost)

        assert lost.claim(5) == []

    def test_a_cancelled_job_is_not_handed_out(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK), NewJob(id="b", name=WORK))
        worker = stage.worker()

        stage.operator.cancel(["a"])

        assert ids(worker.claim(5)) == ["b"]

    def test_settling_one_claim_leaves_the_others_alone(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK), NewJob(id="b", name=WORK))
        worker = stage.worker()
        a, b = worker.claim(2)

        worker.settle(a, Cancelled())

        assert worker.settle(b, Completed()) is Settled.APPLIED
        assert (stage.state(a.id), stage.state(b.id)) == (State.CANCELLED, State.COMPLETED)
