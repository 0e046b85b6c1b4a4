"""The contract, part nine: leases that end, jobs that expire, and what is kept for how long."""

from __future__ import annotations

from jobq.jobs import Command, Completed, Failed, NewJob, Released, Retried, SessionState, Settled, Settlement, State
from jobq.testing.stage import BOOM, FAR, WORK, Contract, Stage, eventually, ids


class RescueContract(Contract):
    """Jobs of a worker that stopped renewing its lease come back."""

    def test_the_jobs_of_a_worker_that_signed_off_come_back(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(3)])
        gone, here = stage.worker(), stage.worker()
        gone.claim(2)
        here.claim(1)
        gone.leave()

        assert (stage.maintainer.rescue(), stage.maintainer.rescue()) == (2, 0)

        states = [stage.state(f"job-{n}") for n in range(3)]
        assert states == [State.PENDING, State.PENDING, State.RUNNING]

    def test_a_rescued_job_has_the_loss_in_its_history_and_nothing_held_against_it(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        before = stage.job("a")
        worker = stage.worker()
        worker.take()

        stage.lose(worker)

        job = stage.job("a")
        assert (job.state, job.attempt, job.crashes, job.losses) == (State.PENDING, 0, 0, 1)
        assert [(error.type, error.attempt, error.worker) for error in job.errors] == [("WorkerLost", 1, "worker-1")]
        assert (job.run_at, job.started_at, job.worker) == (before.run_at, None, None)

    def test_a_worker_whose_lease_has_ended_loses_its_jobs(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker(lease=stage.moment)
        claim = worker.take()

        stage.pass_time(stage.moment)
        eventually(lambda: stage.maintainer.rescue() == 1)

        assert (stage.state("a"), worker.extend(claim), worker.claim()) == (State.PENDING, False, [])

    def test_a_lost_worker_stays_lost(self, stage: Stage) -> None:
        worker = stage.worker(lease=stage.moment)
        stage.put(NewJob(id="a", name=WORK))
        worker.take()
        stage.pass_time(stage.moment)
        eventually(lambda: stage.maintainer.rescue() == 1)

        stage.driver.describe(worker.session, SessionState.RUNNING, 1)

        assert [worker.extend(), worker.extend()] == [False, False]
        assert (stage.inspector.sessions(), worker.claim()) == ([], [])
        assert not stage.operator.post(worker.id, Command(kind="quiet"))

    def test_a_worker_that_signed_off_cannot_extend(self, stage: Stage) -> None:
        worker = stage.worker()

        worker.leave()

        assert worker.extend() is False

    def test_a_renewed_lease_holds(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        lease = 8 * stage.moment
        worker = stage.worker(lease=lease)
        claim = worker.take()

        for _ in range(3):
            stage.pass_time(lease / 2)
            assert worker.extend(claim)
            assert stage.maintainer.rescue() == 0

        assert worker.settle(claim, Completed()) is Settled.APPLIED

    def test_renewing_moves_the_end_of_the_lease(self, stage: Stage) -> None:
        worker = stage.worker()
        before = stage.inspector.sessions()[0].lease_until

        stage.pass_time(0.01)
        worker.extend()

        assert stage.inspector.sessions()[0].lease_until > before

    def test_a_live_workers_jobs_are_left_alone(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        claim = worker.take()

        assert (stage.maintainer.rescue(), worker.extend(claim), stage.state("a")) == (0, True, State.RUNNING)

    def test_after_twenty_losses_the_next_one_fails_the_job(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k"))
        states = []
        for _ in range(21):
            worker = stage.worker()
            worker.take()
            stage.lose(worker)
            states.append(stage.state("a"))

        job = stage.job("a")
        assert states == [State.PENDING] * 20 + [State.FAILED]
        assert (job.reason, job.losses, job.attempt, len(job.errors)) == ("lost", 21, 0, 21)
        assert job.finished_at is not None
        assert stage.put(NewJob(id="b", name=WORK, unique_key="k")) == ["b"]

    def test_fewer_losses_may_be_allowed(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        for _ in range(2):
            worker = stage.worker()
            worker.take()
            worker.leave()
            stage.maintainer.rescue(max_losses=1)

        assert (stage.state("a"), stage.job("a").reason) == (State.FAILED, "lost")

    def test_other_outcomes_do_not_count_as_losses(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()

        worker.run(Released())
        worker.run(Retried(error=BOOM, delay=0, crash=True))

        assert worker.take().losses == 0


class ExpiryContract(Contract):
    """A job that did not start in time is cancelled."""

    def test_an_expired_job_is_not_handed_out_even_before_it_is_cancelled(self, stage: Stage) -> None:
        stage.put(NewJob(id="late", name=WORK, expires_in=stage.moment), NewJob(id="b", name=WORK))

        stage.pass_time(stage.moment)

        assert ids(stage.worker().claim(5)) == ["b"]

    def test_an_expired_job_becomes_cancelled_with_that_reason(self, stage: Stage) -> None:
        stage.put(NewJob(id="late", name=WORK, expires_in=stage.moment, unique_key="k"))
        stage.put(NewJob(id="scheduled", name=WORK, expires_in=stage.moment, delay=FAR))
        stage.put(NewJob(id="in-time", name=WORK, expires_in=FAR), NewJob(id="never", name=WORK))

        stage.pass_time(stage.moment)
        expired = [stage.maintainer.expire(), stage.maintainer.expire()]

        assert expired == [2, 0]
        assert [(stage.state(id), stage.job(id).reason) for id in ("late", "scheduled")] == [
            (State.CANCELLED, "expired")
        ] * 2
        assert [stage.state(id) for id in ("in-time", "never")] == [State.PENDING] * 2
        assert stage.put(NewJob(id="again", name=WORK, unique_key="k")) == ["again"]

    def test_a_job_that_has_started_does_not_expire(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, expires_in=4 * stage.moment))
        worker = stage.worker()
        claim = worker.take()

        stage.pass_time(4 * stage.moment)

        assert stage.maintainer.expire() == 0
        assert worker.settle(claim, Completed()) is Settled.APPLIED
        assert stage.maintainer.expire() == 0


class RetentionContract(Contract):
    """Finished jobs are kept for a while, waiting ones for ever."""

    def test_finished_jobs_are_deleted_by_state_and_age(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=id, name=WORK) for id in ("completed", "failed", "cancelled", "waiting")])
        worker = stage.worker()
        worker.run(Completed())
        worker.run(Failed(error=BOOM, reason="exhausted"))
        stage.operator.cancel(["cancelled"])
        stage.pass_time(stage.moment)

        pruned = stage.maintainer.prune(ages={"completed": stage.moment / 2, "failed": FAR})

        assert (pruned, stage.find()) == (1, ["waiting", "cancelled", "failed"])

    def test_an_age_of_nothing_deletes_what_has_ended(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK), NewJob(id="b", name=WORK))
        stage.worker().run(Completed())

        assert stage.maintainer.prune(ages={"completed": 0.0, "failed": 0.0, "cancelled": 0.0}) == 1

        assert stage.find() == ["b"]

    def test_at_most_the_limit_is_deleted_at_a_time(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(5)])
        worker = stage.worker()
        for _ in range(5):
            worker.run(Completed())

        pruned = [stage.maintainer.prune(ages={"completed": 0.0}, limit=2) for _ in range(4)]

        assert (pruned, stage.find()) == ([2, 2, 1, 0], [])

    def test_no_ages_delete_nothing(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        stage.worker().run(Completed())

        assert (stage.maintainer.prune(ages={}), stage.find()) == (0, ["a"])

    def test_a_pruned_id_is_free_again(self, stage: Stage) -> None:
        stage.put(NewJob(id="order-1", name=WORK, given_id=True))
        stage.worker().run(Completed())

        stage.maintainer.prune(ages={"completed": 0.0})

        assert stage.driver.insert([NewJob(id="order-1", name=WORK, given_id=True)])[0].deduplicated is False

    def test_a_finished_job_is_kept_while_its_window_holds_the_key(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k", unique_for=FAR))
        stage.worker().run(Completed())

        stage.maintainer.prune(ages={"completed": 0.0})

        assert stage.put(NewJob(id="b", name=WORK, unique_key="k")) == ["a"]

    def test_a_finished_job_is_pruned_once_its_window_has_passed(self, stage: Stage) -> None:
        stage.put(NewJob(id="over", name=WORK, unique_key="k", unique_for=stage.moment))
        stage.put(NewJob(id="holds", name=WORK, unique_key="l", unique_for=FAR))
        worker = stage.worker()
        worker.settle_all([Settlement(id=c.id, token=c.token, outcome=Completed()) for c in worker.claim(2)])

        stage.pass_time(stage.moment)

        assert (stage.maintainer.prune(ages={"completed": 0.0}), stage.find()) == (1, ["holds"])
