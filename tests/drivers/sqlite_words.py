"""What the tests of the SQLite store share: a few words, and processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import IO

from jobq.drivers.protocol import Demand
from jobq.jobs import ErrorInfo, HandlerInfo, NewJob, SessionInfo

ROOT = Path(__file__).parents[2]
WORK = "test:work"
DEMAND = Demand(limit=100, names=frozenset({WORK}))
BOOM = ErrorInfo(type="ValueError", message="boom")


def session(name: str = "worker") -> SessionInfo:
    return SessionInfo(id=name, name=name, host="here", pid=1, version="0", handlers=(HandlerInfo(name=WORK),))


def jobs(count: int, name: str = WORK) -> list[NewJob]:
    return [NewJob(id=f"{name}-{number}", name=name) for number in range(count)]


def begin(script: str, *args: object, stdin: int | None = None) -> subprocess.Popen[str]:
    """A Python process of its own that runs `script`, in which `arg` are its arguments."""
    start = "import sys\nfrom pathlib import Path\nfrom jobq.drivers.sqlite import open_sqlite\narg = sys.argv[1:]\n"
    return subprocess.Popen(
        [sys.executable, "-c", start + dedent(script), *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=stdin,
        stdout=subprocess.PIPE,
        text=True,
    )


def output(process: subprocess.Popen[str]) -> str:
    text, _ = process.communicate(timeout=50)
    assert process.returncode == 0, text
    return text


def lines(stream: IO[str] | None) -> Iterator[str]:
    assert stream is not None
    return (line.strip() for line in stream)
