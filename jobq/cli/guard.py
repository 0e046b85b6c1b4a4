"""A process between the terminal and a handler that runs inline, so that it can be ended whatever it does.

An exception stops most handlers; nothing that happens in the same process stops one that hangs in C. So the command
forks before it imports any plugin, and this side only waits: for the end, for a time limit, or for a signal.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from jobq.errors import JobFailed
from jobq.worker.judge import manner_of_death
from jobq.worker.linux import die_with

TIMED_OUT = 124


class RanTooLong(JobFailed):
    """The time limit was hit."""

    exit_code = TIMED_OUT


class Guard:
    """The two sides of a fork: one `works`, the other `wait`s."""

    def __init__(self) -> None:
        parent = os.getpid()
        self._read, self._write = os.pipe()
        self._child = os.fork()
        if self.works:
            die_with(parent)

    @property
    def works(self) -> bool:
        """Whether this is the side that runs the handler."""
        return self._child == 0

    @contextmanager
    def running(self, seconds: float) -> Iterator[None]:
        """Say when the handler runs: it may take so many seconds, and a process that ends meanwhile has crashed."""
        os.write(self._write, f"{seconds}\n".encode())
        try:
            yield
        finally:
            os.write(self._write, b"ended\n")

    def wait(self) -> int:
        """Wait for the other side and return its exit code; raises `RanTooLong` or `JobFailed` if it had to die."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to both, and the other side answers
        signal.signal(signal.SIGTERM, self._pass_on)
        os.close(self._write)
        limit = os.read(self._read, 64)
        if limit and not self._ends_within(float(limit.split()[0])):
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            raise RanTooLong("it did not stop when its time was up, and was killed", type="JobTimeout")
        code = os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])
        if code < 0 or (limit and b"ended" not in limit + os.read(self._read, 64)):
            raise JobFailed(f"its process {manner_of_death(code)}", type="WorkerCrashed")
        return code

    def _ends_within(self, seconds: float) -> bool:
        pidfd = os.pidfd_open(self._child)
        try:
            return bool(select.select([pidfd], [], [], seconds)[0])
        finally:
            os.close(pidfd)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        os.kill(self._child, number)


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Send what is printed, in whatever way, to standard error: on standard output it would pass for data."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
