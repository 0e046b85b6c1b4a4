from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from random import Random
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq.backoff import MAX_DELAY, Backoff, delay_of, exponential, fixed, linear, parse_backoff
from jobq.errors import InvalidValue

amounts = st.floats(0, MAX_DELAY)
pairs = st.tuples(amounts, amounts).map(sorted)
growing = st.builds(
    lambda make, pair, jitter: make(*pair, jitter), st.sampled_from([linear, exponential]), pairs, st.booleans()
)
policies = st.builds(fixed, amounts) | growing
attempts = st.integers(1, 10_000)


def test_exponential_without_jitter_doubles_from_its_base() -> None:
    policy = exponential(jitter=False)

    assert [policy(attempt) for attempt in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_linear_without_jitter_grows_by_its_base() -> None:
    policy = linear(5, 20, jitter=False)

    assert [policy(attempt) for attempt in range(1, 7)] == [5, 10, 15, 20, 20, 20]


def test_fixed_never_changes() -> None:
    assert {fixed(10)(attempt) for attempt in (1, 2, 500, 10_000)} == {10}


@given(policies, attempts)
def test_a_delay_lies_between_zero_and_the_maximum_at_any_attempt(policy: Backoff, attempt: int) -> None:
    delay = policy(attempt)

    assert 0 <= delay <= policy.longest(attempt) <= policy.max <= MAX_DELAY


@given(policies, attempts)
def test_without_jitter_a_later_attempt_never_waits_less(policy: Backoff, attempt: int) -> None:
    assert policy.longest(attempt) <= policy.longest(attempt + 1)


@given(policies, st.integers(-10, 0))
def test_an_attempt_below_the_first_counts_as_the_first(policy: Backoff, attempt: int) -> None:
    assert policy.longest(attempt) == policy.longest(1)


@given(policies, attempts, st.integers())
def test_a_seed_makes_jitter_repeatable(policy: Backoff, attempt: int, seed: int) -> None:
    assert policy(attempt, rng=Random(seed)) == policy(attempt, rng=Random(seed))


def test_jitter_spreads_evenly_from_zero_to_the_full_delay() -> None:
    rng = Random(4711)

    delays = [exponential(1, 60)(5, rng=rng) for _ in range(4000)]

    assert fmean(delays) == pytest.approx(8, rel=0.05)
    assert [sum(quarter * 4 <= delay < quarter * 4 + 4 for delay in delays) for quarter in range(4)] == [
        pytest.approx(1000, rel=0.15)
    ] * 4


def test_a_handler_that_seeds_the_random_module_does_not_synchronise_retries() -> None:
    state = random.getstate()
    try:
        delays = set()
        for _ in range(3):
            random.seed(0)
            delays.add(exponential(60, 600)(3))
    finally:
        random.setstate(state)

    assert len(delays) == 3


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (exponential(), "exponential:1s:60s"),
        (exponential(5, 300), "exponential:5s:300s"),
        (exponential("5s", timedelta(minutes=5), jitter=False), "exponential:5s:300s:nojitter"),
        (linear(5, 60), "linear:5s:60s"),
        (linear(0.25, 60, jitter=False), "linear:0.25s:60s:nojitter"),
        (fixed("10s"), "fixed:10s"),
        (fixed(0), "fixed:0s"),
    ],
)
def test_a_policy_has_a_text(policy: Backoff, text: str) -> None:
    assert policy.text == text


@given(policies)
def test_the_text_of_a_policy_gives_the_same_policy(policy: Backoff) -> None:
    assert parse_backoff(policy.text) == policy
    assert parse_backoff(policy) is policy


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("exponential", exponential()),
        ("linear", linear()),
        ("exponential:nojitter", exponential(jitter=False)),
        ("exponential:5s", exponential(5)),
        ("exponential:5s:5m", exponential(5, 300)),
        (" Exponential : 5 : 300 ", exponential(5, 300)),
        ("linear:2s:nojitter", linear(2, jitter=False)),
        ("fixed:1h30m", fixed(5400)),
        ("fixed:24h", fixed(MAX_DELAY)),
    ],
)
def test_a_policy_is_read_as_people_write_it(text: str, policy: Backoff) -> None:
    assert parse_backoff(text) == policy


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fixed",
        "custom",
        "exp:1s",
        "exponential:",
        "exponential:1s:2s:3s",
        "exponential:x",
        "exponential:-1s",
        "fixed:10s:20s",
        "fixed:10s:nojitter:nojitter",
        "nojitter",
        "linear:5s:jitter",
        "exponential:5m",
        "exponential:10s:5s",
        "fixed:25h",
        None,
        5,
    ],
)
def test_a_text_that_is_no_policy_is_refused_with_the_way_out(text: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse_backoff(text)

    assert "backoff" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("make", [fixed, exponential, linear])
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "soon", True, None, MAX_DELAY + 1, timedelta(days=2)])
def test_a_policy_cannot_be_made_of_nonsense(make: Callable[[Any], Backoff], value: object) -> None:
    with pytest.raises(InvalidValue, match=r"backoff (delay|base|max)"):
        make(value)


def test_a_maximum_below_the_base_is_refused_with_a_text_that_works() -> None:
    with pytest.raises(InvalidValue) as caught:
        exponential(120)

    assert "max (60s) is below base (120s)" in caught.value.message
    assert parse_backoff((caught.value.hint or "").split("like ")[1]).base == 120


class Overloaded(Exception):
    pass


def by_error(attempt: int, exc: BaseException | None = None) -> float:
    return 600 if isinstance(exc, Overloaded) else attempt * 2


def test_any_function_is_a_policy_and_may_look_at_the_error() -> None:
    assert delay_of(by_error, 3, ValueError()) == 6
    assert delay_of(by_error, 3, Overloaded()) == 600
    assert delay_of(lambda attempt, exc: 7 if exc is None else 8, 1) == 7
    assert delay_of(lambda *arguments: len(arguments), 1) == 2


def test_a_function_may_take_the_attempt_alone() -> None:
    assert delay_of(lambda attempt: attempt * 10, 2, ValueError()) == 20


def test_an_object_that_can_be_called_is_a_policy() -> None:
    class Growing:
        def __call__(self, attempt: int, exc: BaseException | None = None) -> float:
            return attempt / 2

    assert delay_of(Growing(), 3) == 1.5
    assert delay_of(fixed(4), 3, ValueError()) == 4


@pytest.mark.parametrize("answer", [0, 2.5, timedelta(seconds=5), Fraction(1, 3)])
def test_seconds_come_in_several_types(answer: Any) -> None:
    expected = answer.total_seconds() if isinstance(answer, timedelta) else float(answer)

    delay = delay_of(lambda _: answer, 1)

    assert delay == expected
    assert type(delay) is float


@pytest.mark.parametrize("answer", [MAX_DELAY + 1, 1e300, math.inf, 10**100, timedelta(days=400)])
def test_a_policy_that_asks_for_more_than_a_day_gets_a_day(answer: Any) -> None:
    assert delay_of(lambda _: answer, 1) == MAX_DELAY


def test_an_integer_beyond_every_float_is_a_day_or_a_mistake() -> None:
    assert delay_of(lambda attempt: 2 ** (attempt * 10), 10_000) == MAX_DELAY
    with pytest.raises(InvalidValue, match="gave -inf"):
        delay_of(lambda attempt: -(2 ** (attempt * 10)), 10_000)


@pytest.mark.parametrize("answer", [-1, -0.5, math.nan, -math.inf, None, "5s", True, [5], 1j, timedelta(seconds=-1)])
def test_a_policy_that_gives_no_sensible_number_is_named(answer: object) -> None:
    def hasty(attempt: int) -> Any:
        return answer

    with pytest.raises(InvalidValue, match=r"hasty gave .* after attempt 4") as caught:
        delay_of(hasty, 4)

    assert caught.value.hint


def test_a_policy_that_fails_is_named_with_its_error() -> None:
    def broken(attempt: int, exc: BaseException | None = None) -> float:
        return attempt / 0

    with pytest.raises(InvalidValue, match=r"broken failed after attempt 4 with ZeroDivisionError") as caught:
        delay_of(broken, 4, ValueError())

    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_type_error_inside_a_policy_is_not_taken_for_a_short_signature() -> None:
    calls = []

    def broken(attempt: int, exc: BaseException | None = None) -> float:
        calls.append(attempt)
        return attempt + "1"  # type: ignore[operator]

    with pytest.raises(InvalidValue, match="TypeError"):
        delay_of(broken, 1)

    assert calls == [1]


@given(st.floats() | st.integers() | st.none() | st.text(), attempts)
def test_whatever_a_policy_answers_the_delay_is_within_a_day_or_refused(answer: Any, attempt: int) -> None:
    try:
        delay = delay_of(lambda _: answer, attempt)
    except InvalidValue:
        delay = 0.0

    assert 0 <= delay <= MAX_DELAY
