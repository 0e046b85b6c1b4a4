"""Stopping a handler from outside, as far as Python lets one.

A cancelled job is only told (`ctx.check()`); a job past its timeout, or in the way of a shutdown, also gets an
exception: through `PyThreadState_SetAsyncExc` in a thread, as a cancellation on the event loop. Neither reaches
code that is stuck in C; for that the supervisor kills the process a little later.
"""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar, cast

from jobq.errors import JobCancelled, JobInterrupted, JobTimeout

T = TypeVar("T")
_TYPES: dict[str, type[JobTimeout | JobInterrupted]] = {"timeout": JobTimeout, "shutdown": JobInterrupted}


class Interruptible:
    """One attempt under way, and the way to stop it. `why` is None until somebody asks."""

    def __init__(self) -> None:
        self.why: str | None = None
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._stop_task: Callable[[], object] | None = None

    def error(self) -> JobCancelled | JobTimeout | JobInterrupted:
        """The exception that stands for `why`."""
        kind = _TYPES.get(self.why or "")
        return JobCancelled("somebody cancelled this job") if kind is None else kind()

    def interrupt(self, why: str) -> None:
        """Ask the attempt to stop: `cancel` only tells it, `timeout` and `shutdown` raise inside it."""
        with self._lock:
            if self.why in _TYPES or self.why == why:
                return  # a cancellation only tells; a timeout or a shutdown after it still has to strike
            self.why = why
            if why not in _TYPES:
                return
            if self._stop_task is not None:
                self._stop_task()
            elif self._thread is not None:
                _raise_in(self._thread, _TYPES[why])

    def run(self, function: Callable[[], T]) -> T:
        """Call a function in this thread, open to interruption until it returns."""
        try:
            try:
                self._open(threading.get_ident())
                return function()
            finally:
                self._close()
        except (JobTimeout, JobInterrupted):
            self._close()  # the interruption may have struck inside the `finally` above
            raise

    def run_async(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on another thread's loop and wait for it."""
        # Never cancel this future: it would be done at once, while the task goes on or blocks the loop.
        future = asyncio.run_coroutine_threadsafe(self._interruptibly(loop, work), loop)
        try:
            return future.result()
        except (CancelledError, asyncio.CancelledError):
            if self.why in _TYPES:
                raise self.error() from None
            raise
        finally:
            with self._lock:
                self._stop_task = None

    async def _interruptibly(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        with self._lock:
            self._stop_task = lambda: loop.call_soon_threadsafe(task.cancel)
            if self.why in _TYPES:
                task.cancel()
        return await work

    def _open(self, thread: int) -> None:
        with self._lock:
            if self.why in _TYPES:
                raise self.error()
            self._thread = thread

    def _close(self) -> None:
        with self._lock:
            if self._thread is not None:
                # Take back an exception that was sent but has not struck: it must not hit the next job.
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), None)
                self._thread = None


def _raise_in(thread: int, kind: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind))
