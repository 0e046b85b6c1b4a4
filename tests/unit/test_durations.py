from __future__ import annotations

import math
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobq.durations import MAX_DURATION, MAX_SIZE, format_duration, parse_duration, parse_size
from jobq.errors import InvalidValue

seconds = st.floats(0, MAX_DURATION)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30", 30),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000),
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("2 hours", 7200),
        ("1 day", 86400),
        ("1 day 2 hours 3 minutes 4.5 seconds", 93784.5),
        ("500ms", 0.5),
        ("1s500ms", 1.5),
        ("1w", 604800),
        ("2 Weeks", 1209600),
        ("90 min", 5400),
        (" 30S ", 30),
        ("PT1H", 3600),
        ("P1DT2H", 93600),
        ("PT1H30M15.5S", 5415.5),
        ("P2W", 1209600),
        ("pt5m", 300),
        ("0", 0),
        ("0s", 0),
        ("36525 days", 36525 * 86400),
    ],
)
def test_a_duration_is_read_as_people_write_it(text: str, expected: float) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "s",
        "5x",
        "1h30",
        "30m1h",
        "1m 1m",
        "1,5h",
        "5 m s",
        "P",
        "PT",
        "P1DT",
        "1:30",
        "inf",
        "nan",
        "+5",
        "٣s",
        "1_0",
        "0x10",
        "5s\x00",
        "1e",
        "--5",
        "5 mo",
        "P1Y",
        "P1M",
        "1 year",
        "1h" * 100,
        "never",
        "1d1w",
        "1.2.3s",
        "e5",
    ],
)
def test_a_text_of_any_other_form_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse_duration(text, what="timeout")

    assert caught.value.message.startswith("timeout ")
    assert caught.value.hint


@pytest.mark.parametrize("value", [-1, -0.001, "-5s", "-5", timedelta(seconds=-1), math.nan, math.inf, -math.inf])
def test_a_duration_is_neither_negative_nor_endless(value: float) -> None:
    with pytest.raises(InvalidValue):
        parse_duration(value)


@pytest.mark.parametrize(
    "value",
    [MAX_DURATION * 1.01, "101 years", "5300w", pytest.param(10**5000, id="huge"), "9" * 99, "1e400", timedelta.max],
)
def test_more_than_a_hundred_years_is_a_mistake(value: float) -> None:
    with pytest.raises(InvalidValue):
        parse_duration(value)


@pytest.mark.parametrize("value", [True, False, None, [1], b"5s", 1j])
def test_what_is_no_amount_is_refused_by_its_type(value: object) -> None:
    with pytest.raises(InvalidValue, match="delay must be a duration"):
        parse_duration(value, what="delay")  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["P1Y", "P2M", "1 year", "3 months", "5 mo", "1y6mo"])
def test_a_calendar_unit_is_answered_with_days(text: str) -> None:
    with pytest.raises(InvalidValue, match="count in days"):
        parse_duration(text)


@given(seconds)
@example(-0.0)
def test_a_number_is_seconds_and_comes_back_as_it_is(value: float) -> None:
    assert parse_duration(value) == value
    assert parse_duration(repr(abs(value))) == value
    assert math.copysign(1, parse_duration(value)) == 1


@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_every_way_of_writing_a_duration_means_the_same(days: int, hours: int, minutes: int, rest: int) -> None:
    expected = timedelta(days=days, hours=hours, minutes=minutes, seconds=rest).total_seconds()

    assert parse_duration(f"{days}d{hours}h{minutes}m{rest}s") == expected
    assert parse_duration(f"{days} days {hours} hours {minutes} minutes {rest} seconds") == expected
    assert parse_duration(f"P{days}DT{hours}H{minutes}M{rest}S") == expected
    assert parse_duration(timedelta(seconds=expected)) == expected


@given(st.text(max_size=20) | st.text("0123456789.eshmdwPT -", max_size=20))
def test_any_text_is_a_duration_or_a_clear_refusal(text: str) -> None:
    with suppress(InvalidValue):
        assert 0 <= parse_duration(text) <= MAX_DURATION


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0s"),
        (0.25, "250ms"),
        (0.0034567, "3.46ms"),
        (1, "1s"),
        (1.5, "1.5s"),
        (12.3456, "12.346s"),
        (59.9999, "1m"),
        (60, "1m"),
        (90, "1m30s"),
        (5400, "1h30m"),
        (86400, "1d"),
        (93784, "1d2h3m4s"),
        (0.99999, "1s"),
        (1e-9, "0s"),
        (-90, "-1m30s"),
        (1209600, "14d"),
    ],
)
def test_a_duration_is_written_short_for_people(value: float, text: str) -> None:
    assert format_duration(value) == text


@given(seconds)
@example(0.9994999)
@example(0.9995)
@example(59.9995)
@example(59.99949)
@example(119.5)
def test_a_written_duration_is_read_back_within_one_percent(value: float) -> None:
    assert parse_duration(format_duration(value)) == pytest.approx(value, rel=0.01, abs=1e-6)


@given(st.integers(0, int(MAX_DURATION)))
def test_whole_seconds_are_read_back_exactly(value: int) -> None:
    assert parse_duration(format_duration(value)) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
def test_a_number_that_is_no_duration_can_still_be_shown(value: float) -> None:
    assert format_duration(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        ("1048576", 2**20),
        ("1k", 1024),
        ("512M", 512 * 2**20),
        ("1GiB", 2**30),
        ("1.5G", 3 * 2**29),
        ("100 MB", 100 * 2**20),
        ("7 bytes", 7),
        ("3b", 3),
        (" 2Ti ", 2**41),
        ("1024P", MAX_SIZE),
    ],
)
def test_a_size_is_bytes_or_powers_of_1024(value: int | str, expected: int) -> None:
    assert parse_size(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        "0",
        "-1M",
        "1.5",
        "M",
        "",
        "1X",
        "1 M B",
        "1e3",
        True,
        None,
        1.5,
        "2048P",
        pytest.param(10**5000, id="huge"),
        pytest.param("9" * 5000, id="long"),
        "0.1",
    ],
)
def test_what_is_no_size_is_refused(value: object) -> None:
    with pytest.raises(InvalidValue, match=r"max_memory .* is not a size"):
        parse_size(value, what="max_memory")  # type: ignore[arg-type]


@given(st.integers(1, MAX_SIZE))
def test_a_number_of_bytes_comes_back_exactly(value: int) -> None:
    assert parse_size(value) == parse_size(str(value)) == parse_size(f"{value} bytes") == value
