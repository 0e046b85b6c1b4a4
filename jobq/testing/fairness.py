"""The contract, part six: whose turn it is (law 7).

Where the contract leaves an order open (which key begins a round), the tests leave it open too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from jobq.jobs import Claim, Completed, NewJob, Released
from jobq.testing.stage import WORK, Contract, Stage, ids


class OrderContract(Contract):
    """Queue, then priority, then key, then `run_at`, then insertion."""

    def test_jobs_start_in_the_order_they_came(self, stage: Stage) -> None:
        names = [f"job-{n}" for n in (7, 2, 9, 4, 1)]
        stage.put(*[NewJob(id=id, name=WORK) for id in names[:3]])
        stage.put(*[NewJob(id=id, name=WORK) for id in names[3:]])

        assert ids(stage.worker().claim(10)) == names

    def test_a_lower_priority_number_runs_first(self, stage: Stage) -> None:
        priorities = {"low": 10, "normal": 0, "high": -10, "critical": -20, "odd": 3}
        stage.put(*[NewJob(id=id, name=WORK, priority=number) for id, number in priorities.items()])

        assert ids(stage.worker().claim(10)) == ["critical", "high", "normal", "odd", "low"]

    def test_a_more_urgent_job_that_comes_later_overtakes(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(3)])
        worker = stage.worker()
        worker.claim()

        stage.put(NewJob(id="urgent", name=WORK, priority=-1))

        assert ids(worker.claim(2)) == ["urgent", "job-1"]

    def test_an_earlier_time_runs_first(self, stage: Stage) -> None:
        now = stage.inspector.now()
        stage.put(*[NewJob(id=f"{m}-ago", name=WORK, run_at=now - timedelta(minutes=m)) for m in (5, 20, 10)])

        assert ids(stage.worker().claim(3)) == ["20-ago", "10-ago", "5-ago"]

    def test_a_time_in_the_past_goes_before_what_was_already_waiting(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(3)])
        worker = stage.worker()
        worker.claim()

        stage.put(NewJob(id="past", name=WORK, run_at=stage.inspector.now() - timedelta(hours=1)))

        assert ids(worker.claim(2)) == ["past", "job-1"]

    def test_jobs_of_one_time_run_in_the_order_they_came(self, stage: Stage) -> None:
        due = stage.inspector.now()
        names = [f"job-{n}" for n in (3, 1, 2)]
        stage.put(*[NewJob(id=id, name=WORK, run_at=due) for id in names])

        assert ids(stage.worker().claim(3)) == names

    def test_names_share_one_line(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=f"test:{n % 3}") for n in range(9)])

        claims = stage.worker(names=["test:0", "test:1", "test:2"]).claim(9)

        assert ids(claims) == [f"job-{n}" for n in range(9)]

    def test_names_share_one_line_in_the_order_of_their_times(self, stage: Stage) -> None:
        now = stage.inspector.now()
        stage.put(*[NewJob(id=f"{m}-ago", name=f"test:{m % 2}", run_at=now - timedelta(minutes=m)) for m in (3, 5, 8)])

        assert ids(stage.worker(names=["test:0", "test:1"]).claim(3)) == ["8-ago", "5-ago", "3-ago"]

    def test_a_released_job_runs_before_those_that_came_after_it(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(4)])
        worker = stage.worker()
        first, second = worker.claim(2)
        worker.settle(second, Completed())

        worker.settle(first, Released())

        assert ids(worker.claim(3)) == ["job-0", "job-2", "job-3"]

    def test_a_lost_workers_jobs_run_before_those_that_came_after_them(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(5)])
        lost, worker = stage.worker(), stage.worker()
        lost.claim(2)
        worker.claim(1)

        stage.lose(lost)

        assert ids(worker.claim(4)) == ["job-0", "job-1", "job-3", "job-4"]


class QueueContract(Contract):
    """Strict, weighted, and as one."""

    def test_queues_are_served_strictly_in_the_order_asked_for(self, stage: Stage) -> None:
        stage.put(
            NewJob(id="low", name=WORK, queue="low", priority=-20),
            NewJob(id="mid", name=WORK, queue="mid"),
            NewJob(id="top-1", name=WORK, queue="top", priority=10),
            NewJob(id="top-2", name=WORK, queue="top", priority=20),
        )

        claims = stage.worker().claim(10, queues=["top", "mid", "low"])

        assert ids(claims) == ["top-1", "top-2", "mid", "low"]

    def test_a_queue_that_was_not_asked_for_is_not_served(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, queue="a"), NewJob(id="b", name=WORK, queue="b"))

        assert ids(stage.worker().claim(10, queues=["b"])) == ["b"]

    def test_an_excluded_queue_is_not_served(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=queue, name=WORK, queue=queue) for queue in ("a", "b", "c")])
        worker = stage.worker()

        assert ids(worker.claim(10, exclude=["a"], queues=["a", "c"])) == ["c"]
        assert ids(worker.claim(10, exclude=["a"])) == ["b"]

    def test_an_exclusion_that_ends_is_served_again(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK, queue="a"))
        worker = stage.worker()
        assert worker.claim(exclude=["a"]) == []

        assert ids(worker.claim()) == ["a"]

    def test_without_queues_all_are_served_as_one(self, stage: Stage) -> None:
        stage.put(
            NewJob(id="1", name=WORK, queue="b"),
            NewJob(id="2", name=WORK, queue="a"),
            NewJob(id="3", name=WORK, queue="b"),
            NewJob(id="4", name=WORK, queue="c"),
            NewJob(id="first", name=WORK, queue="z", priority=-1),
        )

        assert ids(stage.worker().claim(10)) == ["first", "1", "2", "3", "4"]

    def test_weights_share_the_turns(self, stage: Stage) -> None:
        weights = [("critical", 5), ("high", 3), ("default", 1)]
        _fill(stage, {queue: 40 for queue, _ in weights})

        claims = stage.worker().claim(36, weights=weights)

        assert Counter(claim.queue for claim in claims) == {"critical": 20, "high": 12, "default": 4}

    def test_weights_hold_over_many_small_claims(self, stage: Stage) -> None:
        weights = [("critical", 5), ("high", 3), ("default", 1)]
        _fill(stage, {queue: 30 for queue, _ in weights})
        worker = stage.worker()

        claims = [claim for _ in range(18) for claim in worker.claim(1, weights=weights)]

        assert Counter(claim.queue for claim in claims) == {"critical": 10, "high": 6, "default": 2}

    def test_the_turns_of_an_empty_queue_go_to_the_others(self, stage: Stage) -> None:
        _fill(stage, {"high": 2, "default": 20})

        claims = stage.worker().claim(12, weights=[("critical", 5), ("high", 3), ("default", 1)])

        assert Counter(claim.queue for claim in claims) == {"high": 2, "default": 10}

    def test_priority_holds_inside_a_weighted_queue(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"{queue}-{n}", name=WORK, queue=queue, priority=-n) for queue in "ab" for n in range(3)])

        claims = stage.worker().claim(4, weights=[("a", 1), ("b", 1)])

        assert [id for id in ids(claims) if id[0] == "a"] == ["a-2", "a-1"]
        assert [id for id in ids(claims) if id[0] == "b"] == ["b-2", "b-1"]


class FairnessContract(Contract):
    """Round robin over partition keys; no key is one key."""

    def test_keys_take_turns(self, stage: Stage) -> None:
        _backlog(stage, {"big": 20, "small": 3, "tiny": 1})

        keys = _keys(stage.worker().claim(8))

        assert sorted(map(str, keys[:3])) == ["big", "small", "tiny"]
        assert Counter(keys) == {"big": 4, "small": 3, "tiny": 1}

    def test_jobs_without_a_key_take_turns_as_one_key(self, stage: Stage) -> None:
        _backlog(stage, {None: 10, "a": 10})

        keys = _keys(stage.worker().claim(8))

        assert Counter(keys) == {None: 4, "a": 4}
        assert all(one != other for one, other in pairwise(keys))

    def test_inside_a_key_jobs_keep_their_order(self, stage: Stage) -> None:
        _backlog(stage, {"a": 4, "b": 4})

        claims = stage.worker().claim(8)

        assert [id for id in ids(claims) if id.startswith("a-")] == [f"a-{n}" for n in range(4)]
        assert [id for id in ids(claims) if id.startswith("b-")] == [f"b-{n}" for n in range(4)]

    def test_the_place_in_the_round_is_kept_from_claim_to_claim(self, stage: Stage) -> None:
        _backlog(stage, dict.fromkeys("abcde", 12))
        worker = stage.worker()

        keys = [key for limit in (1, 2, 4, 3, 1, 7, 2, 5, 5, 4, 6) for key in _keys(worker.claim(limit))]

        rounds = [frozenset(keys[start : start + 5]) for start in range(0, 40, 5)]
        assert rounds == [frozenset("abcde")] * 8

    def test_a_key_that_comes_later_waits_at_most_one_round(self, stage: Stage) -> None:
        _backlog(stage, dict.fromkeys("abc", 20))
        worker = stage.worker()
        worker.claim(4)

        stage.put(NewJob(id="late", name=WORK, partition_key="z"))

        assert "late" in ids(worker.claim(4))

    def test_a_flood_of_one_key_does_not_hold_up_another(self, stage: Stage) -> None:
        _backlog(stage, {"flood": 300, "other": 2})
        worker = stage.worker()

        keys = [key for _ in range(4) for key in _keys(worker.claim(1))]

        assert Counter(keys) == {"flood": 2, "other": 2}

    def test_names_of_one_key_share_its_turns(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"a-{n}", name=f"test:{n % 2}", partition_key="a") for n in range(6)])
        stage.put(*[NewJob(id=f"b-{n}", name="test:0", partition_key="b") for n in range(6)])

        claims = stage.worker(names=["test:0", "test:1"]).claim(6)

        assert Counter(_keys(claims)) == {"a": 3, "b": 3}
        assert [id for id in ids(claims) if id.startswith("a-")] == ["a-0", "a-1", "a-2"]

    def test_priority_goes_before_fairness(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"a-{n}", name=WORK, partition_key="a", priority=-1) for n in range(4)])
        stage.put(*[NewJob(id=f"b-{n}", name=WORK, partition_key="b") for n in range(4)])

        assert ids(stage.worker().claim(6))[:4] == ["a-0", "a-1", "a-2", "a-3"]

    def test_every_priority_has_rounds_of_its_own(self, stage: Stage) -> None:
        for priority in (5, -5):
            _backlog(stage, {"a": 4, "b": 2}, priority=priority)

        claims = stage.worker().claim(12)

        assert [claim.priority for claim in claims] == [-5] * 6 + [5] * 6
        for part in (claims[:6], claims[6:]):
            assert Counter(_keys(part)[:4]) == {"a": 2, "b": 2}

    def test_every_queue_has_rounds_of_its_own(self, stage: Stage) -> None:
        for queue in ("one", "two"):
            _backlog(stage, {"a": 5, "b": 1}, queue=queue)

        claims = stage.worker().claim(12, queues=["two", "one"])

        assert [claim.queue for claim in claims] == ["two"] * 6 + ["one"] * 6
        assert Counter(_keys(claims[:2])) == Counter(_keys(claims[6:8])) == {"a": 1, "b": 1}

    def test_a_thousand_keys_are_all_served_in_one_round(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"{n}-{k}", name=WORK, partition_key=f"key-{k}") for k in range(1000) for n in range(2)])
        worker = stage.worker()

        keys = [key for _ in range(10) for key in _keys(worker.claim(100))]

        assert len(set(keys)) == 1000


def _fill(stage: Stage, sizes: dict[str, int]) -> None:
    stage.put(*[NewJob(id=f"{q}-{n}", name=WORK, queue=q) for q, size in sizes.items() for n in range(size)])


def _backlog(
    stage: Stage, sizes: dict[str | None, int] | dict[str, int], *, priority: int = 0, queue: str = "q"
) -> None:
    stage.put(
        *[
            NewJob(id=_id(key, n, priority, queue), name=WORK, queue=queue, partition_key=key, priority=priority)
            for key, size in sizes.items()
            for n in range(size)
        ]
    )


def _id(key: str | None, number: int, priority: int, queue: str) -> str:
    return f"{key}-{number}" if (priority, queue) == (0, "q") else f"{key}-{number}-{priority}-{queue}"


def _keys(claims: Sequence[Claim]) -> list[str | None]:
    return [claim.partition_key for claim in claims]
