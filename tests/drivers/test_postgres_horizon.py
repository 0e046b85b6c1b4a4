"""What a Postgres worker remembers between two looks: pure, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq.drivers.postgres.horizon import BEGINNING, SLACK, Horizon, Written
from jobq.drivers.postgres.lanes import Lanes, News, Place
from jobq.drivers.postgres.pace import BUSY, Budget, Pace
from jobq.drivers.postgres.rows import LANE, RUN_AT, SEQ
from jobq.rotation import Lane, Rotation

START = datetime(2030, 1, 1, tzinfo=UTC)
WORK, OTHER = Lane("default", 0, "work", None), Lane("default", 0, "other", None)


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


class TestHorizon:
    """From where the next look must read."""

    def test_a_new_worker_reads_from_the_beginning(self) -> None:
        assert Horizon().since == BEGINNING

    def test_without_own_transactions_nothing_is_known_about_younger_ones(self) -> None:
        horizon = Horizon()

        horizon.looked(at(1), "100:100:")

        assert horizon.since <= BEGINNING

    def test_what_is_younger_than_the_last_own_transaction_began_after_it(self) -> None:
        horizon = Horizon()
        horizon.wrote(Written(50, at(0)))

        horizon.looked(at(1), "100:100:")

        assert horizon.since == at(0) - SLACK

    def test_an_open_transaction_is_remembered_with_an_instant_before_it_began(self) -> None:
        horizon = Horizon()
        horizon.wrote(Written(50, at(0)))
        horizon.wrote(Written(60, at(5)))

        horizon.looked(at(9), "55:100:55,70")

        assert horizon.open == {55: at(0) - SLACK, 70: at(5) - SLACK}

    def test_a_transaction_that_stays_open_keeps_its_instant_and_one_that_ended_is_forgotten(self) -> None:
        horizon = Horizon()
        horizon.wrote(Written(50, at(0)))
        horizon.looked(at(1), "55:100:55,56")
        horizon.wrote(Written(120, at(60)))

        horizon.looked(at(61), "55:130:55")

        assert horizon.open == {55: at(0) - SLACK}
        assert horizon.since == at(60) - SLACK

    @given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), min_size=1, max_size=12))
    def test_no_commit_is_overlooked_however_transactions_overlap(self, others: list[tuple[int, int]]) -> None:
        """Others begin at some second and stay open for some; the worker looks every second and writes every third."""
        begins = [(begin, begin + stays) for begin, stays in others]
        events = sorted([(begin, 1, n) for n, (begin, _) in enumerate(begins)] + [(s, 0, -1) for s in range(90)])
        horizon, xids, seen, next_xid, own_xid = Horizon(), dict[int, int](), set[int](), 10, 0

        for second, _, who in events:
            next_xid += 1
            if who >= 0:
                xids[who] = next_xid
                continue
            if second % 3 == 0:
                own_xid = next_xid
                horizon.wrote(Written(own_xid, at(second)))
            running = {n: xid for n, xid in xids.items() if begins[n][1] > second}
            ended = [xid for n, xid in xids.items() if n not in running]
            highest = max([own_xid, *ended]) + 1
            listed = sorted(xid for xid in running.values() if xid < highest)
            gone = [since for xid, since in horizon.open.items() if xid not in running.values()]
            since = min([horizon.since, *gone])
            seen |= {n for n in xids if n not in running and at(begins[n][0]) > since}
            horizon.looked(at(second), f"{min([*listed, highest])}:{highest}:{','.join(map(str, listed))}")

        assert seen == set(range(len(others)))


class TestLanes:
    """Where to look, and how far a lane was emptied."""

    def test_a_lane_is_asked_from_the_first_job_that_is_known(self) -> None:
        lanes = _lanes(_news(WORK, 1, (3, 30), (9, 90)))

        course = lanes.course(10)

        assert course is not None
        assert [(ask.since, ask.after, ask.take) for ask in course.asks] == [(at(3), 30, 10)]

    def test_the_next_claim_begins_where_the_last_one_ended(self) -> None:
        lanes = _lanes(_news(WORK, 1, (3, 30), (9, 90)))

        contested = _take(lanes, 2, [(1, 3, 30), (1, 4, 40)])

        course = lanes.course(1)
        assert course is not None
        assert (contested, course.asks[0].since, course.asks[0].after) == (False, at(4), 40)

    def test_a_lane_is_forgotten_with_its_last_known_job(self) -> None:
        lanes = _lanes(_news(WORK, 1, (3, 30), (4, 40)))

        _take(lanes, 2, [(1, 3, 30), (1, 4, 40)])

        assert (len(lanes), lanes.course(1)) == (0, None)

    def test_news_before_the_place_reached_rewind_the_lane(self) -> None:
        lanes = _lanes(_news(WORK, 1, (3, 30), (9, 90)))
        _take(lanes, 1, [(1, 5, 50)])

        lanes.hear([_news(WORK, 1, (2, 95), (2, 95))])

        course = lanes.course(1)
        assert course is not None
        assert (course.asks[0].since, course.asks[0].after) == (at(2), 95)

    def test_a_job_that_somebody_else_has_taken_makes_the_claim_contested(self) -> None:
        lanes = _lanes(_news(WORK, 1, (3, 30), (9, 90)))

        assert _take(lanes, 5, [(1, 3, 30)])

        assert len(lanes) == 0

    def test_lanes_that_share_a_turn_are_asked_once_more_before_they_are_forgotten(self) -> None:
        lanes = _lanes(_news(WORK, 1, (3, 30), (9, 90)), _news(OTHER, 2, (4, 40), (8, 80)))

        _take(lanes, 5, [(1, 3, 30), (2, 4, 40)])
        after_some = len(lanes)
        _take(lanes, 5, [])

        assert (after_some, len(lanes)) == (2, 0)

    def test_a_turn_is_dealt_in_the_order_of_the_line_and_turns_like_cards(self) -> None:
        a, b = Lane("default", 0, "work", "a"), Lane("default", 0, "work", "b")
        lanes = _lanes(_news(a, 1, (1, 1), (9, 9)), _news(b, 2, (1, 2), (9, 10)))
        course = lanes.course(4)
        assert course is not None

        ordered = course.order([_row(1, 1, 1), _row(2, 1, 2), _row(1, 2, 3), _row(2, 2, 4)])

        assert [row[SEQ] for row in ordered] == [1, 2, 3, 4]

    def test_what_the_worker_does_not_serve_is_not_remembered(self) -> None:
        lanes = _lanes(_news(Lane("default", 0, "unknown", None), 1, (1, 1), (1, 1)))

        assert len(lanes) == 0


class TestPace:
    """Self-timed duties, and when a worker is busy."""

    @pytest.mark.parametrize(("took", "due"), [(0.001, 1.0), (0.5, 5.0)])
    def test_what_takes_long_is_done_rarely(self, took: float, due: float) -> None:
        budget = Budget(share=0.1, least=1.0)

        budget.spent(10.0, 10.0 + took)

        assert (budget.is_due(10.0 + took + due - 0.01), budget.is_due(10.0 + took + due)) == (False, True)

    def test_a_worker_is_busy_until_a_quiet_second_has_passed(self) -> None:
        pace = Pace()

        pace.took(BUSY + 1, 100.2)

        assert [pace.is_busy(when) for when in (100.3, 101.9, 102.1)] == [True, True, False]


def _lanes(*news: News) -> Lanes:
    lanes = Lanes(Rotation([], frozenset({"work", "other"}), frozenset(), weighted=False))
    lanes.hear(news)
    return lanes


def _news(lane: Lane, number: int, first: tuple[float, int], last: tuple[float, int]) -> News:
    return News(lane, number, Place(at(first[0]), first[1]), Place(at(last[0]), last[1]))


def _take(lanes: Lanes, limit: int, taken: Sequence[tuple[int, float, int]]) -> bool:
    course = lanes.course(limit)
    assert course is not None
    return lanes.note(course, [_row(*one) for one in taken])


def _row(lane: int, second: float, seq: int) -> list[object]:
    row: list[object] = [None] * (RUN_AT + 1)
    row[LANE], row[RUN_AT], row[SEQ] = lane, at(second), seq
    return row
