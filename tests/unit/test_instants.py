from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq.errors import InvalidValue
from jobq.instants import check_aware, format_instant, parse_instant

NINE = datetime(2026, 12, 24, 9, tzinfo=UTC)
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
aware = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=offsets | st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-24T09:00:00Z",
        "2026-12-24t09:00:00z",
        "2026-12-24 09:00Z",
        "2026-12-24T09:00:00.000000Z",
        "2026-12-24T10:00:00+01:00",
        "2026-12-24T10:00+0100",
        "2026-12-24T10:00 +01",
        "2026-12-24T09:00:00-00:00",
        "20261224T090000Z",
        "20261224T0900Z",
        "2026-12-24 10:00 Europe/Berlin",
        "2026-12-24T10:00:00 Europe/Berlin",
        "2026-12-24 09:00 UTC",
        "2026-12-24 14:00 Etc/GMT-5",
        " 2026-12-24T14:45+05:45 ",
    ],
)
def test_an_instant_is_read_with_an_offset_or_a_zone(text: str) -> None:
    assert parse_instant(text) == NINE
    assert parse_instant(text).tzinfo is UTC


def test_digits_beyond_microseconds_are_dropped() -> None:
    assert parse_instant("2026-12-24T09:00:00.123456789Z") == NINE.replace(microsecond=123456)
    assert parse_instant("2026-12-24T09:00:00,5Z") == NINE.replace(microsecond=500000)


@pytest.mark.parametrize("text", ["2026-12-24 09:00", "2026-12-24T09:00:00", "2026-12-24", "20261224T0900"])
def test_an_instant_without_a_zone_is_refused_with_texts_that_work(text: str) -> None:
    with pytest.raises(InvalidValue, match="has no time zone") as caught:
        parse_instant(text, what="run_at")

    utc, berlin = re.fullmatch(r'write (\S+), or "(.+)"', caught.value.hint or "").groups()  # type: ignore[union-attr]
    assert parse_instant(utc) == NINE
    assert parse_instant(berlin) == NINE - timedelta(hours=1)


def test_a_date_alone_is_no_instant_even_with_a_zone() -> None:
    with pytest.raises(InvalidValue, match="has no time of day") as caught:
        parse_instant("2026-12-24 Europe/Berlin")

    assert caught.value.hint == 'write "2026-12-24 09:00 Europe/Berlin"'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "09:00",
        "2026-12-24T25:00Z",
        "2026-02-30T00:00Z",
        "2026-12-24T09:00:60Z",
        "2026-12-24T09:00+24:00",
        "2026-12-24T09:00+1:00",
        "1766570400",
        "2026-12-24x09:00Z",
        "2026-12-24T9:00Z",
        "26-12-24T09:00Z",
        "2026-12-24T09Z",
        "0001-01-01T00:00+01:00",
        "9999-12-31T23:59-01:00",
        "2026-12-24T09:00Z\x00",
        "٢٠٢٦-12-24T09:00Z",
        "2026-12-24T09:00ZZ Z",
        "2026-12-24T09:00" + "0" * 5000 + "Z",
    ],
)
def test_a_text_that_names_no_instant_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse_instant(text)

    assert caught.value.message.startswith("instant ")
    assert caught.value.hint


@pytest.mark.parametrize("value", [None, 1766570400, NINE, b"2026-12-24T09:00Z"])
def test_what_is_not_text_is_not_parsed(value: object) -> None:
    with pytest.raises(InvalidValue, match="must be text"):
        parse_instant(value)


@pytest.mark.parametrize(
    "zone", ["Europe", "Mars/Olympus", "A" * 60, "zone.tab", "zone1970", "PST", "America", "a/b/c"]
)
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse_instant(f"2026-12-24 09:00 {zone}")

    assert caught.value.hint


@pytest.mark.parametrize("zone", ["europe/berlin", "Europe/Brelin", "Europ/Berlin"])
def test_a_mistyped_zone_is_answered_with_the_one_meant(zone: str) -> None:
    with pytest.raises(InvalidValue, match="did you mean Europe/Berlin"):
        parse_instant(f"2026-12-24 09:00 {zone}")


def test_a_wall_clock_time_that_happens_twice_means_the_first() -> None:
    assert parse_instant("2026-10-25 02:30 Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_wall_clock_time_that_is_left_out_moves_forward() -> None:
    left_out = parse_instant("2026-03-29 02:30 Europe/Berlin")

    assert left_out.astimezone(ZoneInfo("Europe/Berlin")).strftime("%H:%M") == "03:30"
    assert left_out == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@given(aware)
def test_a_written_instant_is_read_back_exactly(value: datetime) -> None:
    text = format_instant(value)

    assert parse_instant(text) == value
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", text)
    assert ("." in text) == bool(value.microsecond)


@given(aware, offsets)
def test_equal_instants_are_written_alike(value: datetime, offset: timezone) -> None:
    assert format_instant(value.astimezone(offset)) == format_instant(value)


@given(aware)
def test_what_python_writes_is_read(value: datetime) -> None:
    assert parse_instant(value.isoformat()) == value
    assert parse_instant(str(value)) == value


@given(st.text("0123456789-:TZ+. aAeEiruopB/ln", max_size=30) | st.text(max_size=30))
def test_any_text_is_an_instant_or_a_clear_refusal(text: str) -> None:
    with suppress(InvalidValue):
        assert parse_instant(text).tzinfo is UTC


@given(aware)
def test_an_aware_datetime_is_taken_in_utc(value: datetime) -> None:
    checked = check_aware(value)

    assert checked == value
    assert checked.tzinfo is UTC


def test_a_naive_datetime_is_refused_with_the_fix() -> None:
    with pytest.raises(InvalidValue, match=r"run_at 2026-12-24T09:00:00 has no time zone .*tzinfo=UTC"):
        check_aware(NINE.replace(tzinfo=None), what="run_at")
    with pytest.raises(InvalidValue):
        format_instant(NINE.replace(tzinfo=None))


@pytest.mark.parametrize("value", [None, "2026-12-24T09:00Z", date(2026, 12, 24), 0])
def test_what_is_no_datetime_is_refused_by_its_type(value: object) -> None:
    with pytest.raises(InvalidValue, match=f"not {type(value).__name__}"):
        check_aware(value)


def test_a_datetime_that_utc_cannot_hold_is_refused() -> None:
    with pytest.raises(InvalidValue, match="out of range"):
        check_aware(datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))))
