"""The memory store keeps the contract, on a clock turned by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar

import pytest

from jobq.drivers.memory import MemoryDriver
from jobq.drivers.protocol import Driver
from jobq.testing.clock import TurnedClock
from jobq.testing.conformance import DriverContract
from jobq.testing.machine import left_out, replay


class TestMemory(DriverContract):
    """`memory://`."""

    moment: ClassVar[float] = 10.0

    @pytest.fixture
    def clock(self) -> TurnedClock:
        """This store's time."""
        return TurnedClock(tick=1e-6)

    @pytest.fixture
    def store(self, clock: TurnedClock) -> Iterator[Driver]:
        """An empty store."""
        driver = MemoryDriver(clock)
        yield driver
        driver.close()

    @pytest.fixture
    def pass_time(self, clock: TurnedClock) -> Callable[[float], None]:
        """Time passes when the test says so."""
        return clock.turn


@contextmanager
def life() -> Iterator[Sequence[Driver]]:
    """An empty store."""
    yield [MemoryDriver()]


def test_memory_does_what_the_model_does(show_driven: Callable[[str, Mapping[str, int]], None]) -> None:
    driven = replay(life, examples=100, steps=40)

    show_driven("memory", driven)
    assert left_out(driven) == []
