"""The contract, part five: unique keys and repeated ids."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobq.errors import Conflict
from jobq.jobs import Cancelled, Completed, Failed, Inserted, NewJob, Note, Outcome, Retried, Settlement, State
from jobq.testing.stage import BOOM, FAR, WORK, Contract, Stage, ids

FINAL_OUTCOMES: tuple[Outcome, ...] = (Completed(), Failed(error=BOOM, reason="exhausted"), Cancelled())


class UniqueKeyContract(Contract):
    """A key stands for one job at a time, within a name."""

    def test_a_second_job_with_the_key_is_the_first_one(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k"))

        inserted = stage.driver.insert([NewJob(id="b", name=WORK, unique_key="k"), NewJob(id="c", name=WORK)])

        assert inserted == [Inserted(id="a", deduplicated=True), Inserted(id="c")]
        assert stage.inspector.get("b") is None

    def test_a_skipped_job_changes_nothing(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k", payload="1"))
        before = stage.job("a")

        stage.put(NewJob(id="b", name=WORK, unique_key="k", payload="2", priority=-5))

        assert stage.job("a") == before

    def test_a_conflict_is_raised_when_asked_for_and_names_the_holder(self, stage: Stage) -> None:
        stage.put(NewJob(id="holder", name=WORK, unique_key="k"))

        with pytest.raises(Conflict, match="holder"):
            stage.put(NewJob(id="b", name=WORK, unique_key="k", on_conflict="raise"))

        assert stage.find() == ["holder"]

    def test_raise_without_a_conflict_inserts(self, stage: Stage) -> None:
        assert stage.put(NewJob(id="a", name=WORK, unique_key="k", on_conflict="raise")) == ["a"]

    def test_replace_overwrites_a_waiting_job_and_keeps_its_id_and_age(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k", payload="1", tags=("old",), max_attempts=9))
        before = stage.job("a")
        stage.pass_time(0.001)

        inserted = stage.driver.insert(
            [NewJob(id="b", name=WORK, queue="q", unique_key="k", payload="2", priority=3, on_conflict="replace")]
        )

        job = stage.job("a")
        assert inserted == [Inserted(id="a", deduplicated=True)]
        assert (job.payload, job.priority, job.queue, job.tags, job.max_attempts) == (2, 3, "q", (), None)
        assert (job.created_at, stage.find()) == (before.created_at, ["a"])
        assert job.updated_at > before.updated_at

    def test_replace_with_a_delay_is_a_debounce(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k"))
        stage.put(NewJob(id="b", name=WORK, unique_key="k", delay=FAR, on_conflict="replace"))
        worker = stage.worker()
        assert (stage.state("a"), worker.claim()) == (State.SCHEDULED, [])

        stage.put(NewJob(id="c", name=WORK, unique_key="k", on_conflict="replace"))

        assert ids(worker.claim(5)) == ["a"]

    def test_a_replaced_job_is_handed_out_once(self, stage: Stage) -> None:
        due = stage.inspector.now()
        for number in range(4):
            stage.put(NewJob(id=f"job-{number}", name=WORK, unique_key="k", run_at=due, on_conflict="replace"))

        assert ids(stage.worker().claim(10)) == ["job-0"]

    def test_a_replaced_job_moves_to_its_new_queue(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, queue="old", unique_key="k"))
        stage.put(NewJob(id="b", name=WORK, queue="new", unique_key="k", on_conflict="replace"))
        worker = stage.worker()

        assert worker.claim(queues=["old"]) == []
        assert ids(worker.claim(queues=["new"])) == ["a"]

    def test_replace_of_a_retrying_job_starts_over(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k"))
        worker = stage.worker()
        first = worker.take()
        worker.annotate(Note(id="a", token=first.token, percent=50.0, checkpoint='{"row":7}'))
        worker.settle(first, Retried(error=BOOM, delay=FAR, crash=True))

        stage.put(NewJob(id="b", name=WORK, unique_key="k", on_conflict="replace"))

        claim = worker.take()
        assert (claim.id, claim.attempt, claim.crashes, claim.alone) == ("a", 1, 0, False)
        assert (claim.checkpoint, stage.job("a").progress) == (None, None)
        assert [error.message for error in stage.job("a").errors] == ["boom"]

    def test_replace_skips_a_running_job(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k", payload="1"))
        worker = stage.worker()
        claim = worker.take()

        inserted = stage.driver.insert([NewJob(id="b", name=WORK, unique_key="k", payload="2", on_conflict="replace")])

        assert inserted == [Inserted(id="a", deduplicated=True)]
        assert (stage.job("a").payload, stage.state("a")) == (1, State.RUNNING)
        worker.settle(claim, Completed())
        assert stage.state("a") is State.COMPLETED

    @pytest.mark.parametrize("outcome", FINAL_OUTCOMES, ids=lambda outcome: type(outcome).__name__.lower())
    def test_a_key_is_free_once_its_job_is_final(self, stage: Stage, outcome: Outcome) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k"))
        stage.worker().run(outcome)

        inserted = stage.driver.insert([NewJob(id="b", name=WORK, unique_key="k", on_conflict="raise")])

        assert inserted == [Inserted(id="b")]

    def test_a_key_holds_through_running_and_retrying(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k"))
        worker = stage.worker()
        again = NewJob(id="b", name=WORK, unique_key="k")

        claim = worker.take()
        running = stage.put(again)
        worker.settle(claim, Retried(error=BOOM, delay=FAR))
        retrying = stage.put(again)

        assert running == retrying == ["a"]

    def test_a_cancelled_waiting_job_frees_its_key(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k"))

        stage.operator.cancel(["a"])

        assert stage.put(NewJob(id="b", name=WORK, unique_key="k")) == ["b"]

    def test_a_deleted_job_frees_its_key(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k"))

        stage.operator.delete(["a"])

        assert stage.put(NewJob(id="b", name=WORK, unique_key="k")) == ["b"]

    def test_a_key_belongs_to_its_name(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k"))

        assert stage.put(NewJob(id="b", name="test:other", unique_key="k", on_conflict="raise")) == ["b"]

    def test_a_key_twice_in_one_batch_is_one_job(self, stage: Stage) -> None:
        inserted = stage.driver.insert(
            [NewJob(id=id, name=WORK, unique_key=key) for id, key in (("a", "k"), ("b", "l"), ("c", "k"))]
        )

        assert inserted == [Inserted(id="a"), Inserted(id="b"), Inserted(id="a", deduplicated=True)]
        assert stage.find() == ["b", "a"]

    def test_a_key_twice_in_one_batch_is_a_conflict_when_asked_for(self, stage: Stage) -> None:
        with pytest.raises(Conflict):
            stage.put(*[NewJob(id=id, name=WORK, unique_key="k", on_conflict="raise") for id in ("a", "b")])

        assert stage.find() == []

    def test_the_last_of_a_batch_replaces_the_ones_before(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=id, name=WORK, unique_key="k", payload=f'"{id}"', on_conflict="replace") for id in "abc"])

        assert [(job, stage.job(job).payload) for job in stage.find()] == [("a", "c")]

    def test_a_window_holds_the_key_after_the_job_is_done(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k", unique_for=FAR))
        stage.worker().run(Completed())

        inserted = stage.driver.insert(
            [
                NewJob(id="b", name=WORK, unique_key="k", unique_for=FAR),
                NewJob(id="c", name=WORK, unique_key="l", unique_for=FAR),
            ]
        )

        assert inserted == [Inserted(id="a", deduplicated=True), Inserted(id="c")]

    @pytest.mark.parametrize("delay", [0.0, FAR], ids=["completed", "scheduled"])
    def test_a_window_that_has_passed_frees_the_key_whatever_the_state(self, stage: Stage, delay: float) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k", unique_for=stage.moment, delay=delay))
        worker = stage.worker()
        worker.settle_all([Settlement(id=c.id, token=c.token, outcome=Completed()) for c in worker.claim()])

        stage.pass_time(stage.moment)

        assert stage.put(NewJob(id="b", name=WORK, unique_key="k")) == ["b"]

    def test_a_job_whose_window_has_passed_does_not_free_the_next_holders_key(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k", unique_for=stage.moment))
        stage.pass_time(stage.moment)
        stage.put(NewJob(id="b", name=WORK, unique_key="k", delay=FAR))

        stage.worker().run(Completed())
        stage.operator.delete(["a"])

        assert stage.put(NewJob(id="c", name=WORK, unique_key="k")) == ["b"]

    def test_a_replaced_job_holds_its_key_for_the_window_asked_for_last(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k"))
        stage.put(NewJob(id="b", name=WORK, unique_key="k", unique_for=FAR, on_conflict="replace"))

        stage.worker().run(Completed())

        assert stage.put(NewJob(id="c", name=WORK, unique_key="k")) == ["a"]

    def test_replace_skips_a_finished_job_inside_its_window(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k", unique_for=FAR, payload="1"))
        stage.worker().run(Completed())

        stage.put(NewJob(id="b", name=WORK, unique_key="k", payload="2", on_conflict="replace"))

        assert (stage.state("a"), stage.job("a").payload, stage.find()) == (State.COMPLETED, 1, ["a"])


class GivenIdContract(Contract):
    """A repeated id follows the same rule, for as long as the job is kept."""

    def test_a_repeated_id_is_the_job_that_is_there(self, stage: Stage) -> None:
        stage.put(NewJob(id="order-1", name=WORK, given_id=True, payload="1"))

        inserted = stage.driver.insert([NewJob(id="order-1", name=WORK, given_id=True, payload="2")])

        assert (inserted, stage.job("order-1").payload) == ([Inserted(id="order-1", deduplicated=True)], 1)

    def test_a_repeated_id_raises_when_asked_to(self, stage: Stage) -> None:
        stage.put(NewJob(id="order-1", name=WORK, given_id=True))

        with pytest.raises(Conflict, match="order-1"):
            stage.put(NewJob(id="x", name=WORK), NewJob(id="order-1", name=WORK, given_id=True, on_conflict="raise"))

        assert stage.find() == ["order-1"]

    def test_a_repeated_id_replaces_a_waiting_job(self, stage: Stage) -> None:
        stage.put(NewJob(id="order-1", name=WORK, given_id=True, payload="1"))

        stage.put(NewJob(id="order-1", name=WORK, given_id=True, payload="2", on_conflict="replace"))

        assert (stage.job("order-1").payload, stage.find()) == (2, ["order-1"])

    def test_a_replaced_job_is_all_that_was_asked_for_last(self, stage: Stage) -> None:
        asked = NewJob(
            id="order-1",
            name="test:new",
            given_id=True,
            on_conflict="replace",
            queue="mail",
            priority=-7,
            payload='{"z":1}',
            run_at=stage.inspector.now().replace(microsecond=0) - timedelta(hours=1),
            expires_in=FAR,
            max_attempts=7,
            max_crashes=2,
            timeout=12.5,
            backoff="fixed:10s",
            metadata='{"trace":"t-1"}',
            tags=("red",),
            unique_key="only-one",
            partition_key="tenant-9",
            schedule="nightly",
        )
        stage.put(NewJob(id="order-1", name=WORK, given_id=True))
        worker = stage.worker(names=[WORK, "test:new"])
        stage.operator.cancel(["order-1"])
        stage.operator.retry(["order-1"])
        lost = stage.worker()
        lost.take()
        stage.lose(lost)

        stage.put(asked)

        claim = worker.take()
        same = ["name", "queue", "priority", "payload", "run_at", "max_attempts", "max_crashes", "timeout", "backoff"]
        same += ["metadata", "tags", "unique_key", "partition_key", "schedule"]
        assert {field: getattr(claim, field) for field in same} == {field: getattr(asked, field) for field in same}
        assert (claim.id, claim.attempt, claim.losses, claim.rounds) == ("order-1", 1, 0, 0)
        assert claim.expires_at is not None

    @pytest.mark.parametrize("rule", ["skip", "replace"])
    def test_the_id_of_a_finished_job_stays_taken(self, stage: Stage, rule: str) -> None:
        stage.put(NewJob(id="order-1", name=WORK, given_id=True, payload="1"))
        stage.worker().run(Completed())

        again = NewJob(id="order-1", name=WORK, given_id=True, payload="2")
        if rule == "replace":
            again = NewJob(id="order-1", name=WORK, given_id=True, payload="2", on_conflict="replace")
        inserted = stage.driver.insert([again])

        assert inserted == [Inserted(id="order-1", deduplicated=True)]
        assert (stage.state("order-1"), stage.job("order-1").payload) == (State.COMPLETED, 1)

    def test_the_id_of_a_finished_job_still_conflicts(self, stage: Stage) -> None:
        stage.put(NewJob(id="order-1", name=WORK, given_id=True))
        stage.worker().run(Completed())

        with pytest.raises(Conflict, match="order-1"):
            stage.put(NewJob(id="order-1", name=WORK, given_id=True, on_conflict="raise"))

    def test_the_id_of_a_deleted_job_is_free(self, stage: Stage) -> None:
        stage.put(NewJob(id="order-1", name=WORK, given_id=True, payload="1"))
        stage.operator.delete(["order-1"])

        inserted = stage.driver.insert([NewJob(id="order-1", name=WORK, given_id=True, payload="2")])

        assert (inserted, stage.job("order-1").payload) == ([Inserted(id="order-1")], 2)

    def test_an_id_twice_in_one_batch_is_one_job(self, stage: Stage) -> None:
        inserted = stage.driver.insert([NewJob(id="order-1", name=WORK, given_id=True) for _ in range(2)])

        assert inserted == [Inserted(id="order-1"), Inserted(id="order-1", deduplicated=True)]

    def test_replacing_by_id_moves_the_unique_key_too(self, stage: Stage) -> None:
        stage.put(NewJob(id="order-1", name=WORK, given_id=True, unique_key="old"))

        stage.put(NewJob(id="order-1", name=WORK, given_id=True, unique_key="new", on_conflict="replace"))

        assert stage.put(NewJob(id="b", name=WORK, unique_key="old"), NewJob(id="c", name=WORK, unique_key="new")) == [
            "b",
            "order-1",
        ]
