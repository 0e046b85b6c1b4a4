"""A folder of somebody's own, with a plugin in it, and a shell to type commands in."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jobq.drivers.sqlite import open_sqlite
from tests.cli.shell import HANDLERS, Clerk, Shell


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A shell in an empty folder whose plugins are in `plugins`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("JOBQ_PLUGIN_DIR", str(tmp_path / "plugins"))
    # A process of its own finds the package as this one does, installed or not.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path or str(Path.cwd()) for path in sys.path))
    before = signal.getsignal(signal.SIGTERM)
    found = Shell(tmp_path, capsys, monkeypatch)
    found.write("plugins/hello.py", HANDLERS)
    yield found
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def clerk(shell: Shell) -> Iterator[Clerk]:
    """Somebody who ends jobs in the shell's own store."""
    with closing(open_sqlite(Path(shell.dsn.removeprefix("sqlite://")))) as driver:
        yield Clerk(driver)
