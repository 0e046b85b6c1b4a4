"""The contract, part four: putting jobs in, all or nothing, and what comes back of them."""

from __future__ import annotations

import json

import pytest

from jobq.errors import Conflict, JobqError, Unsupported
from jobq.jobs import Completed, Inserted, NewJob, State
from jobq.testing.stage import FAR, WORK, Contract, Stage

MEBIBYTE = 1024 * 1024
FAITHFUL = {
    "key order": '{"z":1,"a":2,"m":{"y":1,"b":2}}',
    "the largest integers": "[9223372036854775807,-9223372036854775808,18446744073709551615]",
    "an integer no float can hold": "[9007199254740993]",
    "the largest floats": "[1e308,-1e308,1.7976931348623157e308,5e-324]",
    "floats that look whole": "[1.0,-0.0,1e2]",
    "every plane of Unicode": '"Grüße, 世界, 🎉, \u2028, \u00e9 and e\u0301"',
    "control characters": '"tab \\t, newline \\n, bell \\u0007, quote \\", backslash \\\\"',
    "what SQL and formats take for special": '"\' ; -- % %s $1 :x ? {} \\\\"',
    "a bare value": "null",
    "empty things": '[{},[],"",0,false,null]',
    "deep nesting": "[" * 60 + "]" * 60,
}
every_value = pytest.mark.parametrize("text", FAITHFUL.values(), ids=FAITHFUL.keys())


class ProducingContract(Contract):
    """Laws 5 and 6, and faithful carriage."""

    def test_the_answers_come_in_the_order_of_the_jobs(self, stage: Stage) -> None:
        names = [f"job-{n}" for n in (5, 3, 9, 1)]

        inserted = stage.driver.insert([NewJob(id=id, name=WORK) for id in names])

        assert inserted == [Inserted(id=id) for id in names]

    def test_nothing_to_insert_is_nothing_inserted(self, stage: Stage) -> None:
        assert stage.driver.insert([]) == []

    def test_a_new_job_shows_everything_that_was_asked_for(self, stage: Stage) -> None:
        stage.put(
            NewJob(
                id="a", name=WORK, queue="mail", priority=-7, payload='{"to":"x"}', expires_in=FAR, max_attempts=7,
                max_crashes=2, timeout=12.5, backoff="fixed:10s", metadata='{"trace":"t-1"}', tags=("red", "blue"),
                unique_key="only-one", partition_key="tenant-9", schedule="nightly",
            )
        )  # fmt: skip

        job = stage.job("a")

        assert (job.id, job.name, job.queue, job.priority) == ("a", WORK, "mail", -7)
        assert (job.payload, job.metadata, job.tags) == ({"to": "x"}, {"trace": "t-1"}, ("red", "blue"))
        assert (job.max_attempts, job.max_crashes, job.timeout, job.backoff) == (7, 2, 12.5, "fixed:10s")
        assert (job.unique_key, job.partition_key, job.schedule) == ("only-one", "tenant-9", "nightly")
        assert job.expires_at is not None
        assert abs((job.expires_at - job.created_at).total_seconds() - FAR) < 1

    def test_a_new_job_has_no_past(self, stage: Stage) -> None:
        before = stage.inspector.now()
        stage.put(NewJob(id="a", name=WORK))

        job = stage.job("a")

        assert (job.state, job.attempt, job.crashes, job.losses, job.rounds) == (State.PENDING, 0, 0, 0, 0)
        assert (job.result, job.progress, job.errors, job.worker, job.reason) == (None, None, (), None, None)
        assert (job.started_at, job.finished_at, job.expires_at) == (None, None, None)
        assert (job.cancel_requested, job.blocked_by, job.batch_id) == (False, None, None)
        assert before <= job.created_at <= stage.inspector.now()

    def test_instants_are_aware_and_in_utc(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, expires_in=FAR))
        stage.worker().run(Completed())

        job = stage.job("a")

        instants = [job.created_at, job.updated_at, job.run_at, job.started_at, job.finished_at, job.expires_at]
        assert [str(at.tzinfo) if at else None for at in instants] == ["UTC"] * 6

    @every_value
    def test_payloads_are_carried_character_for_character(self, stage: Stage, text: str) -> None:
        stage.put(NewJob(id="a", name=WORK, payload=text))

        claim = stage.worker().take()

        assert claim.payload == text
        assert repr(stage.job("a").payload) == repr(json.loads(text))

    @every_value
    def test_results_are_carried_faithfully(self, stage: Stage, text: str) -> None:
        stage.put(NewJob(id="a", name=WORK))

        stage.worker().run(Completed(result=text))

        assert repr(stage.job("a").result) == repr(json.loads(text))

    def test_metadata_and_tags_are_carried_faithfully(self, stage: Stage) -> None:
        metadata = '{"z":"Grüße 🎉","a":[18446744073709551615,{"y":1,"b":2}]}'
        tags = ("Grüße", "with space", "comma,quote'", '{"brace"}', "NULL")

        stage.put(NewJob(id="a", name=WORK, metadata=metadata, tags=tags))

        claim = stage.worker().take()
        assert (claim.metadata, claim.tags) == (metadata, tags)
        assert (repr(stage.job("a").metadata), stage.job("a").tags) == (repr(json.loads(metadata)), tags)

    def test_the_largest_payload_is_carried_and_what_the_store_cannot_hold_is_refused(self, stage: Stage) -> None:
        limit = stage.driver.capabilities.max_payload
        text = json.dumps("x" * ((limit or MEBIBYTE) - 2))

        stage.put(NewJob(id="a", name=WORK, payload=text))

        assert stage.worker().take().payload == text
        if limit is not None:
            with pytest.raises(JobqError):
                stage.put(NewJob(id="b", name=WORK), NewJob(id="c", name=WORK, payload=json.dumps("x" * limit)))
            assert stage.find() == ["a"]

    def test_keys_and_ids_of_any_letters_are_carried(self, stage: Stage) -> None:
        job_id, key = "Rechnung Nr. 7/2026 – 🎉 %_*", "tenant ' \" \\ : ; 世界"

        stage.put(NewJob(id=job_id, name=WORK, given_id=True, unique_key=key, partition_key=key))

        claim = stage.worker().take()
        assert (claim.id, claim.unique_key, claim.partition_key) == (job_id, key, key)
        assert stage.state(job_id) is State.RUNNING

    def test_ids_and_keys_tell_upper_from_lower_case(self, stage: Stage) -> None:
        stage.put(
            NewJob(id="job-a", name=WORK, given_id=True, unique_key="key"),
            NewJob(id="JOB-A", name=WORK, given_id=True, unique_key="KEY"),
        )

        assert sorted(stage.find()) == ["JOB-A", "job-a"]

    def test_a_large_batch_is_stored_in_its_order(self, stage: Stage) -> None:
        names = [f"job-{n}" for n in range(700)]

        stage.put(*[NewJob(id=id, name=WORK) for id in names])

        assert stage.find() == names[::-1]

    def test_a_conflict_in_the_middle_of_a_batch_stores_nothing(self, stage: Stage) -> None:
        stage.put(NewJob(id="holder", name=WORK, unique_key="k"))

        with pytest.raises(Conflict, match="holder"):
            stage.put(
                NewJob(id="a", name=WORK),
                NewJob(id="b", name=WORK, unique_key="k", on_conflict="raise"),
                NewJob(id="c", name=WORK, unique_key="other"),
            )

        assert stage.find() == ["holder"]
        assert stage.driver.insert([NewJob(id="d", name=WORK, unique_key="other")]) == [Inserted(id="d")]

    def test_a_conflict_undoes_what_the_batch_had_replaced(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, unique_key="k", payload='"old"'), NewJob(id="b", name=WORK, unique_key="l"))

        with pytest.raises(Conflict):
            stage.put(
                NewJob(id="c", name=WORK, unique_key="k", payload='"new"', on_conflict="replace"),
                NewJob(id="d", name=WORK, unique_key="l", on_conflict="raise"),
            )

        assert stage.job("a").payload == "old"

    def test_a_connection_of_a_strange_kind_is_refused_and_nothing_stored(self, stage: Stage) -> None:
        expected = JobqError if stage.driver.capabilities.transactional else Unsupported
        with pytest.raises(expected):
            stage.driver.insert([NewJob(id="a", name=WORK)], connection=object())

        assert stage.find() == []

    def test_a_delay_beyond_what_the_store_can_hold_is_refused_before_anything_is_stored(self, stage: Stage) -> None:
        longest = stage.driver.capabilities.max_delay
        jobs = [NewJob(id="a", name=WORK), NewJob(id="b", name=WORK, delay=86_400.0 * 365)]

        if longest is None:
            assert stage.put(*jobs) == ["a", "b"]
        else:
            with pytest.raises(JobqError):
                stage.put(*jobs)
            assert stage.find() == []
