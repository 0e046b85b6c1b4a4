"""A store with real workers on it, ended after each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.harness import Work


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    """On SQLite: what is tested here does not depend on the store."""
    world = Work(f"sqlite://{tmp_path}/q.db", tmp_path)
    yield world
    world.close()
