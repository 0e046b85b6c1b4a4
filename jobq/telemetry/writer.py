"""A log that never makes anybody wait.

Decision: lines go to standard error through a bounded buffer and a thread of its own. A worker whose log has a
stuck reader (a full pipe, a stopped terminal) keeps running jobs and extending leases; what does not fit is
counted, and reported as soon as the reader moves again. Writing straight to the descriptor would be simpler and
would let `less` stop a cluster. Cost: a thread, and the last lines before a SIGKILL may be lost.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import threading
import weakref
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TextIO

CAPACITY = 4 * 1024 * 1024
_CHUNK = 65536


class LogWriter:
    """A bounded buffer in front of a stream whose reader may be slow or stuck.

    1. `write` takes a text and returns at once; what does not fit is counted.
    2. A thread, started by the first text, hands the buffer on and may wait as long as the reader likes.
    3. As soon as the reader moves again, `report(count)` becomes a line that says what is missing.
    4. In a forked child it starts afresh: what the parent had not written yet stays the parent's.
    """

    def __init__(
        self, sink: Callable[[bytes], None], report: Callable[[int], str], *, capacity: int = CAPACITY
    ) -> None:
        self._sink = sink
        self._report = report
        self._capacity = capacity
        self._start_afresh()
        os.register_at_fork(after_in_child=partial(_start_afresh, weakref.ref(self)))

    def _start_afresh(self) -> None:
        # A Condition's lock is reentrant: a finaliser that logs while this thread is in here must not deadlock.
        self._changed = threading.Condition()
        self._lines: deque[bytes] = deque()
        self._held = 0
        self._dropped = 0
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """How many lines did not fit and have not been reported yet."""
        return self._dropped

    def write(self, text: str) -> None:
        """Take a text that ends its line. Never waits for the stream."""
        line = text.encode("utf-8", "backslashreplace")
        with self._changed:
            if self._held + len(line) > self._capacity or not self._has_thread():
                self._dropped += 1
                return
            self._lines.append(line)
            self._held += len(line)
            self._changed.notify_all()

    def flush(self, timeout: float = 1.0) -> bool:
        """Wait up to `timeout` seconds until everything has been handed on; False if the reader is too slow."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._held and not self._dropped, timeout)

    def close(self, timeout: float = 1.0) -> None:
        """Hand on what is left, for at most `timeout` seconds; later texts are dropped."""
        atexit.unregister(self.close)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)

    def _has_thread(self) -> bool:
        """Start the thread if it is missing; False when the writer is closed or the interpreter is leaving."""
        if self._closed or self._thread is not None:
            return not self._closed
        thread = threading.Thread(target=self._run, name="jobq-log", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return False
        self._thread = thread
        return True

    def _run(self) -> None:
        while chunk := self._next_chunk():
            # The reader is gone or the stream is closed: nobody is left to tell.
            with contextlib.suppress(OSError, ValueError):
                self._sink(chunk)
            with self._changed:
                self._held -= len(chunk)
                self._changed.notify_all()

    def _next_chunk(self) -> bytes:
        """The next lines, about 64 KiB of them; nothing once all is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._dropped or self._closed)
            chunk = bytearray()
            while self._lines and len(chunk) < _CHUNK:
                chunk += self._lines.popleft()
            return bytes(chunk + self._dropped_report())

    def _dropped_report(self) -> bytes:
        if not self._dropped:
            return b""
        count, self._dropped = self._dropped, 0
        report = self._report(count).encode("utf-8", "backslashreplace")
        self._held += len(report)
        return report


def _start_afresh(writer: weakref.ref[LogWriter]) -> None:
    if (alive := writer()) is not None:
        alive._start_afresh()  # noqa: SLF001 (a hook of the class's own, kept outside so that it holds no writer)


def sink_of(stream: TextIO | None) -> Callable[[bytes], None]:
    """The way to a stream: its descriptor, so that only the log's thread can block; else the object itself."""
    if stream is None:  # a process without standard error
        return lambda _: None
    try:
        return partial(_write_all, stream.fileno())
    except (OSError, ValueError, AttributeError):  # in memory, as under a test runner
        return lambda data: _write_text(stream, data)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # somebody who shares the terminal has made it non-blocking
            select.select([], [descriptor], [], 1.0)


def _write_text(stream: TextIO, data: bytes) -> None:
    stream.write(data.decode("utf-8"))
    stream.flush()
