"""The SQLite store keeps the contract, its transactions included."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from jobq.drivers.protocol import Driver
from jobq.drivers.sqlite import open_sqlite
from jobq.testing.conformance import DriverContract, TransactionContract
from jobq.testing.machine import left_out, replay


class TestSqlite(DriverContract, TransactionContract):
    """`sqlite://`."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """The file of this store."""
        return tmp_path / "jobq.db"

    @pytest.fixture
    def another(self, path: Path) -> Iterator[Callable[[], Driver]]:
        """One more opening of the file, as another process would have it."""
        with ExitStack() as opened:
            yield lambda: opened.enter_context(closing(open_sqlite(path)))

    @pytest.fixture
    def store(self, another: Callable[[], Driver]) -> Driver:
        """An empty store."""
        return another()

    @pytest.fixture
    def connect(self, path: Path) -> Callable[[], sqlite3.Connection]:
        """The caller's own connection to the file."""
        return lambda: sqlite3.connect(path)


@contextmanager
def life() -> Iterator[Sequence[Driver]]:
    """An empty file, as two processes have it open."""
    with TemporaryDirectory() as folder, ExitStack() as opened:
        yield [opened.enter_context(closing(open_sqlite(Path(folder) / "jobq.db"))) for _ in range(2)]


def test_sqlite_does_what_the_model_does(show_driven: Callable[[str, Mapping[str, int]], None]) -> None:
    driven = replay(life, examples=30, steps=40)

    show_driven("sqlite", driven)
    assert left_out(driven) == []
