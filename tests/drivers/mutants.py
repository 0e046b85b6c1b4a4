"""Drivers with one law broken each, and the contract run on them: `test_mutants` wants every one of them noticed.

Not collected by itself. A mutant of a SQL store is the real driver on an altered copy of its statements, so that it
breaks with the words of the real one and not with those of an imitation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

import pytest
from msgspec import structs

from jobq.drivers.memory import MemoryDriver
from jobq.drivers.memory.records import Record
from jobq.drivers.memory.sessions import MemorySession
from jobq.drivers.postgres import open_postgres
from jobq.drivers.protocol import Driver
from jobq.drivers.sqlite import open_sqlite
from jobq.drivers.statements import Statements
from jobq.jobs import Claim, Outcome, Settled, Settlement, State
from jobq.testing.clock import TurnedClock
from tests.drivers import test_memory, test_postgres, test_sqlite

# The fixtures of a module are known only in that module.
migrated, dsn = test_postgres.migrated, test_postgres.dsn

Changes = Mapping[str, Sequence[tuple[str, str]]]


class WithoutTokenCheck(MemoryDriver):
    """Whoever says that a running job is done is believed."""

    def _settle(self, settlement: Settlement) -> Settled:
        record = self._records.get(settlement.id)
        if record is None or record.state is not State.RUNNING:
            return super()._settle(settlement)
        return super()._settle(structs.replace(settlement, token=record.token))


class CountingAtSettlement(MemoryDriver):
    """The worker is told the right attempt, and the store counts it when the attempt is over."""

    def _start(self, record: Record, session: MemorySession, now: datetime) -> Claim:
        claim = super()._start(record, session, now)
        record.attempt -= 1
        return claim

    def _apply(self, record: Record, outcome: Outcome, now: datetime) -> None:
        record.attempt += 1
        super()._apply(record, outcome, now)

    def _rescue(self, record: Record, max_losses: int, now: datetime) -> None:
        record.attempt += 1
        super()._rescue(record, max_losses, now)


class TestMemoryWithoutTokenCheck(test_memory.TestMemory):
    @pytest.fixture
    def store(self, clock: TurnedClock) -> Driver:
        return WithoutTokenCheck(clock)


class TestMemoryCountingAtSettlement(test_memory.TestMemory):
    @pytest.fixture
    def store(self, clock: TurnedClock) -> Driver:
        return CountingAtSettlement(clock)


class SqliteMutant(test_sqlite.TestSqlite):
    changes: ClassVar[Changes]

    @pytest.fixture
    def another(self, path: Path, tmp_path: Path) -> Iterator[Callable[[], Driver]]:
        sql = altered("jobq.drivers.sqlite", self.changes, tmp_path / "sql")
        with ExitStack() as opened:
            yield lambda: opened.enter_context(closing(open_sqlite(path, sql=sql)))


class TestSqliteWithoutTokenCheck(SqliteMutant):
    changes: ClassVar[Changes] = {"settle": [("AND token = :token", "AND state = 'running'")]}


class TestSqliteCountingAtSettlement(SqliteMutant):
    changes: ClassVar[Changes] = {
        "start": [("attempt = attempt + 1", "attempt = attempt")],
        "settle": [("run_at, attempt,", "run_at, attempt + 1 AS attempt,")],
        "rescue_orphans": [("attempt,", "attempt + 1 AS attempt,")],
    }


class PostgresMutant(test_postgres.TestPostgres):
    changes: ClassVar[Changes]

    @pytest.fixture
    def another(self, dsn: str, tmp_path: Path) -> Iterator[Callable[[], Driver]]:
        sql = altered("jobq.drivers.postgres", self.changes, tmp_path / "sql")
        with ExitStack() as opened:
            yield lambda: opened.enter_context(closing(open_postgres(dsn, sql=sql)))


class TestPostgresWithoutTokenCheck(PostgresMutant):
    changes: ClassVar[Changes] = {
        "settle": [("AND j.token = told.token", "AND j.token IS NOT NULL")],
        "complete": [("AND j.token = told.token", "AND j.token IS NOT NULL")],
    }


class TestPostgresWithoutSkipLocked(PostgresMutant):
    changes: ClassVar[Changes] = {
        "claim": [("FOR UPDATE OF j SKIP LOCKED", "FOR UPDATE OF j")],
        "claim_shared": [("FOR UPDATE OF j SKIP LOCKED", "FOR UPDATE OF j")],
    }


class TestPostgresCountingAtSettlement(PostgresMutant):
    changes: ClassVar[Changes] = {
        "claim": [
            ("attempt = j.attempt + 1", "attempt = j.attempt"),
            ("j.queue, j.attempt,", "j.queue, j.attempt + 1,"),
        ],
        "settle": [
            ("j.seq, j.attempt,", "j.seq, j.attempt + 1 AS attempt,"),
            ("attempt - taken_back", "attempt + 1 - taken_back"),
            ("attempt = j.attempt - mine.taken_back", "attempt = j.attempt + 1 - mine.taken_back"),
        ],
        "rescue": [
            ("j.seq, j.attempt,", "j.seq, j.attempt + 1 AS attempt,"),
            ("attempt = j.attempt - 1,", "attempt = j.attempt,"),
        ],
        "complete": [("expires_at, token, attempt, crashes", "expires_at, token, attempt + 1, crashes")],
    }


def altered(package: str, changes: Changes, folder: Path) -> Statements:
    """The statements of a package, some of them with parts replaced; each part must be there."""
    folder.mkdir()
    for file in (files(package) / "sql").iterdir():
        text = file.read_text(encoding="utf-8")
        for old, new in changes.get(file.name.removesuffix(".sql"), []):
            assert old in text, f"{file.name} no longer says {old!r}: adapt this mutant"
            text = text.replace(old, new, 1)
        (folder / file.name).write_text(text, encoding="utf-8")
    return Statements(folder)
