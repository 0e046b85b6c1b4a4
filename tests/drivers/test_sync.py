"""The inline store keeps the same contract: only the client treats it differently."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar

import pytest

from jobq.drivers.protocol import Driver
from jobq.drivers.sync import SyncDriver
from jobq.testing.clock import TurnedClock
from jobq.testing.conformance import DriverContract
from jobq.testing.machine import left_out, replay


class TestSync(DriverContract):
    """`sync://`."""

    moment: ClassVar[float] = 10.0

    @pytest.fixture
    def clock(self) -> TurnedClock:
        """This store's time."""
        return TurnedClock()

    @pytest.fixture
    def store(self, clock: TurnedClock) -> Iterator[Driver]:
        """An empty store."""
        driver = SyncDriver(clock)
        yield driver
        driver.close()

    @pytest.fixture
    def pass_time(self, clock: TurnedClock) -> Callable[[float], None]:
        """Time passes when the test says so."""
        return clock.turn

    def test_jobs_of_this_store_run_where_they_are_enqueued(self, store: Driver) -> None:
        assert store.capabilities.inline


@contextmanager
def life() -> Iterator[Sequence[Driver]]:
    """An empty store on a clock that stands still, so that many jobs share one instant."""
    yield [SyncDriver(TurnedClock())]


def test_sync_does_what_the_model_does(show_driven: Callable[[str, Mapping[str, int]], None]) -> None:
    driven = replay(life, examples=100, steps=40)

    show_driven("sync", driven)
    assert left_out(driven) == []
