"""What a handler prints belongs to its job.

`sys.stdout` and `sys.stderr` of a child are replaced by a writer that cuts text into lines and logs each under
the job that wrote it. A context variable says whose line it is: it follows threads started by the slot, tasks
on the event loop, and `asyncio.to_thread`. Raw writes to the descriptors cannot be told apart and go to the
worker's own standard error. The child writes its log itself, so a flood can slow nobody but the child.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from jobq.jobs import Claim
from jobq.payload import clean_text
from jobq.telemetry import CURRENT_JOB

LINE_LIMIT = 8192
LINES_LIMIT = 1000

Emit = Callable[[Claim | None, str], None]


class _Tail:
    """The unfinished line of one job, and how many lines it has written."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.text = ""
        self.lines = 0


class JobOutput(io.TextIOBase):
    """A text stream that hands finished lines to `emit`, with the claim that wrote them or None."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._current: ContextVar[_Tail | None] = ContextVar("jobq_output", default=None)

    def install(self) -> None:
        """Take the place of the standard streams."""
        sys.stdout = self
        sys.stderr = self

    @contextmanager
    def of(self, claim: Claim) -> Iterator[None]:
        """Whatever is written meanwhile belongs to this claim."""
        tail = _Tail(claim)
        token, job = self._current.set(tail), CURRENT_JOB.set(claim)
        try:
            yield
        finally:
            self._current.reset(token)
            CURRENT_JOB.reset(job)
            if tail.text:
                self._line(tail, tail.text)

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        tail = self._current.get()
        if tail is None:
            if text.strip():
                self._emit(None, clean_text(text.rstrip("\n"), LINE_LIMIT))
            return len(text)
        *lines, rest = (tail.text + text).split("\n")
        for line in lines:
            self._line(tail, line)
        tail.text = rest
        if len(rest) > LINE_LIMIT:
            self._line(tail, rest)
            tail.text = ""
        return len(text)

    def _line(self, tail: _Tail, line: str) -> None:
        tail.lines += 1
        if tail.lines < LINES_LIMIT:
            self._emit(tail.claim, clean_text(line, LINE_LIMIT))
        elif tail.lines == LINES_LIMIT:
            self._emit(tail.claim, f"(further output is dropped after {LINES_LIMIT} lines)")
