"""Whose turn it is, over rings and weights that nobody thought of."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jobq.rotation import Lane, Rotation, interleave

NAMES = frozenset({"test:a", "test:b"})
KEYS = st.lists(st.sampled_from([None, *"abcdefgh"]), min_size=1, max_size=9, unique=True)
LIMITS = st.lists(st.integers(1, 20), min_size=1, max_size=30)
WEIGHTS = st.dictionaries(st.sampled_from(["q1", "q2", "q3", "q4"]), st.integers(1, 9), min_size=2)


def lane(queue: str = "q", priority: int = 0, name: str = "test:a", key: str | None = None) -> Lane:
    return Lane(queue, priority, name, key)


def rotation(*queues: str, exclude: frozenset[str] = frozenset()) -> Rotation:
    return Rotation([(queue, 1) for queue in queues], NAMES, exclude, weighted=False)


def dealt(turning: Rotation, limit: int) -> list[Lane]:
    """One course, in the order in which its jobs start, from lanes that never run dry."""
    return interleave([[turn.lanes[0]] * turn.take for turn in turning.course(limit)])


@given(keys=KEYS, limits=LIMITS)
def test_round_robin_is_exact_over_any_keys_and_limits(keys: list[str | None], limits: list[int]) -> None:
    turning = rotation("q")
    for key in keys:
        turning.add(lane(key=key))

    served = [one.key for limit in limits for one in dealt(turning, limit)]

    assert served == [keys[place % len(keys)] for place in range(sum(limits))]


@given(keys=KEYS, limits=LIMITS)
def test_a_course_hands_out_exactly_its_limit(keys: list[str | None], limits: list[int]) -> None:
    turning = rotation("q")
    for key in keys:
        turning.add(lane(key=key))

    assert [sum(turn.take for turn in turning.course(limit)) for limit in limits] == limits


@given(sizes=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 12), min_size=1), limit=st.integers(1, 60))
def test_what_an_empty_lane_leaves_goes_evenly_to_the_others(sizes: dict[str, int], limit: int) -> None:
    turning, left, taken = rotation("q"), Counter(sizes), Counter[str]()
    for key in sizes:
        turning.add(lane(key=key))

    while taken.total() < limit and (course := turning.course(limit - taken.total())):
        for turn in course:
            key = str(turn.lanes[0].key)
            got = min(turn.take, left[key])
            left[key] -= got
            taken[key] += got
            if got < turn.take:
                turning.discard(turn.lanes[0])

    assert taken.total() == min(limit, sum(sizes.values()))
    most = max(taken.values(), default=0)
    assert all(left[key] == 0 or taken[key] >= most - 1 for key in sizes)


@given(keys=KEYS, limits=LIMITS, late_at=st.integers(0, 29))
def test_a_key_that_comes_later_waits_at_most_one_round(
    keys: list[str | None], limits: list[int], late_at: int
) -> None:
    turning = rotation("q")
    for key in keys:
        turning.add(lane(key=key))
    for limit in limits[:late_at]:
        turning.course(limit)

    turning.add(lane(key="late"))

    assert "late" in [one.key for one in dealt(turning, len(keys) + 1)]


@given(keys=KEYS, limits=LIMITS, data=st.data())
def test_keys_that_stay_alternate_while_others_come_and_go(
    keys: list[str | None], limits: list[int], data: st.DataObject
) -> None:
    turning, served = rotation("q"), Counter[str]()
    for key in ("stays-1", "stays-2"):
        turning.add(lane(key=key))

    for limit in limits:
        change = turning.add if data.draw(st.booleans()) else turning.discard
        change(lane(key=data.draw(st.sampled_from(keys))))
        served.update(str(one.key) for one in dealt(turning, limit))

        assert abs(served["stays-1"] - served["stays-2"]) <= 1


@given(weights=WEIGHTS, limits=LIMITS)
def test_weighted_shares_stay_within_one_job_of_the_ideal(weights: dict[str, int], limits: list[int]) -> None:
    turning = Rotation(list(weights.items()), NAMES, frozenset(), weighted=True)
    for queue in weights:
        turning.add(lane(queue))
    served, total = Counter[str](), sum(weights.values())

    for limit in limits:
        served.update(one.queue for one in dealt(turning, limit))

        done = served.total()
        assert all(abs(served[queue] - done * weight / total) <= 1 for queue, weight in weights.items())


@given(weights=WEIGHTS, rounds=st.integers(1, 20))
def test_weighted_shares_are_exact_after_whole_rounds(weights: dict[str, int], rounds: int) -> None:
    turning = Rotation(list(weights.items()), NAMES, frozenset(), weighted=True)
    for queue in weights:
        turning.add(lane(queue))

    served = Counter(one.queue for _ in range(rounds) for one in dealt(turning, sum(weights.values())))

    assert served == {queue: weight * rounds for queue, weight in weights.items()}


@given(weights=WEIGHTS, limit=st.integers(1, 50), data=st.data())
def test_the_share_of_an_empty_queue_goes_to_the_others_by_their_weights(
    weights: dict[str, int], limit: int, data: st.DataObject
) -> None:
    empty = data.draw(st.sampled_from(sorted(weights)))
    turning = Rotation(list(weights.items()), NAMES, frozenset(), weighted=True)
    others = {queue: weight for queue, weight in weights.items() if queue != empty}
    for queue in others:
        turning.add(lane(queue))

    served = Counter(one.queue for one in dealt(turning, limit))

    ideal = {queue: limit * weight / sum(others.values()) for queue, weight in others.items()}
    assert all(abs(served[queue] - ideal[queue]) <= 1 for queue in others)


def test_strict_order_never_ages() -> None:
    turning = rotation("first", "second")
    turning.add(lane("second", priority=-100))
    turning.add(lane("first", priority=100))

    queues = {one.queue for _ in range(1000) for one in dealt(turning, 3)}

    assert queues == {"first"}


def test_the_next_queue_has_its_turn_when_the_first_is_empty() -> None:
    turning = rotation("first", "second")
    turning.add(lane("second"))
    turning.add(lane("first"))

    turning.discard(lane("first"))

    assert [turn.lanes for turn in turning.course(5)] == [(lane("second"),)]


@given(priorities=st.lists(st.integers(-20, 20), min_size=1, max_size=8, unique=True))
def test_only_the_best_priority_has_turns(priorities: list[int]) -> None:
    turning = rotation("q")
    for priority in priorities:
        turning.add(lane(priority=priority))

    order = []
    while course := turning.course(3):
        order.append(course[0].lanes[0].priority)
        turning.discard(course[0].lanes[0])

    assert order == sorted(priorities)


def test_every_priority_keeps_its_own_place_in_the_round() -> None:
    turning = rotation("q")
    for priority in (0, -1):
        for key in "abc":
            turning.add(lane(priority=priority, key=key))

    dealt(turning, 1)
    for key in "abc":
        turning.discard(lane(priority=-1, key=key))

    assert [one.key for one in dealt(turning, 3)] == ["a", "b", "c"]


def test_the_names_of_one_key_share_one_turn() -> None:
    turning = rotation("q")
    for name in sorted(NAMES):
        turning.add(lane(name=name, key="k"))
    turning.add(lane(key="other"))

    turns = turning.course(4)

    assert [(turn.take, len(turn.lanes)) for turn in turns] == [(2, 2), (2, 1)]


def test_without_queues_all_are_one() -> None:
    turning = rotation()
    turning.add(lane("one"))
    turning.add(lane("two"))

    (turn,) = turning.course(4)

    assert (turn.take, {one.queue for one in turn.lanes}) == (4, {"one", "two"})


def test_a_lane_is_accepted_by_queue_name_and_exclusion() -> None:
    some, every = rotation("a", "b", exclude=frozenset("b")), rotation(exclude=frozenset("b"))

    assert [some.accepts(lane(queue)) for queue in "abc"] == [True, False, False]
    assert [every.accepts(lane(queue)) for queue in "abc"] == [True, False, True]
    assert not some.accepts(lane("a", name="test:other"))


def test_a_lane_added_twice_has_one_turn() -> None:
    turning = rotation("q")
    turning.add(lane(key="a"))
    turning.add(lane(key="b"))
    dealt(turning, 1)

    turning.add(lane(key="a"))

    assert [one.key for one in dealt(turning, 2)] == ["b", "a"]


@given(lanes=st.lists(st.builds(lane, queue=st.sampled_from("pq"), key=st.sampled_from([None, "k"])), max_size=6))
def test_when_all_are_discarded_nothing_is_left(lanes: list[Lane]) -> None:
    turning = rotation("p", "q")
    for one in lanes:
        turning.add(one)
        assert one in turning

    for one in [*lanes, *lanes]:
        turning.discard(one)

    assert (turning.course(5), any(one in turning for one in lanes)) == ([], False)


@given(columns=st.lists(st.lists(st.integers(), max_size=5), max_size=5))
def test_interleaving_deals_the_first_of_each_before_the_second_of_any(columns: list[list[int]]) -> None:
    rows = interleave([[(place, value) for place, value in enumerate(column)] for column in columns])

    assert Counter(value for _, value in rows) == Counter(value for column in columns for value in column)
    assert all(one[0] <= other[0] for one, other in pairwise(rows))
