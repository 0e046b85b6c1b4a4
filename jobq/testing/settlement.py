"""The contract, part two: settling a claim, once."""

from __future__ import annotations

import pytest

from jobq.jobs import (
    Cancelled,
    Completed,
    Failed,
    JobFilter,
    NewJob,
    Note,
    Outcome,
    Released,
    Retried,
    Settled,
    Settlement,
    Snoozed,
    State,
    Suspected,
)
from jobq.testing.stage import BOOM, FAR, WORK, Contract, Stage, eventually

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

    def test_a_lost_reply_can_be_asked_for_again_even_when_the_job_runs_again(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        outcome = Retried(error=BOOM, delay=0)
        old = worker.run(outcome)
        new = worker.take()

        assert (worker.settle(old, outcome), stage.job("a").attempt) == (Settled.APPLIED, 2)

        assert worker.settle(new, Completed()) is Settled.APPLIED

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

    def test_a_settlement_twice_in_one_batch_is_recorded_once(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        worker = stage.worker()
        claim = worker.take()
        settlement = Settlement(id="a", token=claim.token, outcome=Retried(error=BOOM, delay=FAR))

        assert worker.settle_all([settlement, settlement]) == [Settled.APPLIED, Settled.APPLIED]

        assert (stage.job("a").attempt, len(stage.job("a").errors)) == (1, 1)

    def test_a_stale_and_a_good_claim_of_one_job_may_come_in_one_batch(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        lost, worker = stage.worker(), stage.worker()
        stale = lost.take()
        stage.lose(lost)
        good = worker.take()

        answers = worker.settle_all(
            [
                Settlement(id="a", token=stale.token, outcome=Failed(error=BOOM, reason="exhausted")),
                Settlement(id="a", token=good.token, outcome=Completed(result="1")),
            ]
        )

        assert (answers, stage.state("a")) == ([Settled.LOST, Settled.APPLIED], State.COMPLETED)

    def test_a_large_batch_is_settled(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(700)])
        worker = stage.worker()
        claims = worker.claim(700)

        answers = worker.settle_all([Settlement(id=c.id, token=c.token, outcome=Completed()) for c in claims])

        assert answers == [Settled.APPLIED] * 700
        assert stage.inspector.count(JobFilter(states=(State.COMPLETED,))) == 700

    def test_nothing_to_settle_is_nothing_settled(self, stage: Stage) -> None:
        assert stage.worker().settle_all([]) == []
