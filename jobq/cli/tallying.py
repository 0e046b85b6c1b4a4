"""A line on the terminal that counts while a worker drains."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from jobq.worker.tally import Tally

EVERY = 0.2


class TallyLine:
    """Shows the tally while it is entered, if `shown`, and wipes it at the end.

    The cursor stays at the beginning of the line, so that a line of the log writes over it.
    """

    def __init__(self, tally: Callable[[], Tally], *, shown: bool) -> None:
        self._tally = tally
        self._shown = shown
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobq-tally", daemon=True)

    def __enter__(self) -> Self:
        if self._shown:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._shown:
            self._thread.join()
            self._write("")

    def _run(self) -> None:
        while not self._done.wait(EVERY):
            tally = self._tally()
            self._write(f"{tally.completed:,} completed · {tally.failed:,} failed · {tally.retried:,} retried")

    def _write(self, text: str) -> None:
        sys.stderr.write(f"\r{text}\x1b[K\r")
        sys.stderr.flush()
