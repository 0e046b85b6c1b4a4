"""A thread of the supervisor that talks to the store, and keeps its temper when the store does not answer."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import NamedTuple

from jobq.errors import JobqError, TryAgain, Unreachable

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
Notice = Callable[..., None]


class Watch(NamedTuple):
    """Where a thread says what happens to it: `notice(event, **fields)` for the log, `broken` for its end."""

    notice: Notice
    broken: Callable[[Exception], None]


class Patience:
    """Growing pauses between tries, one line in the log for each, and one when it works again."""

    def __init__(self, errand: str, notice: Notice) -> None:
        self._errand = errand
        self._notice = notice
        self._tries = 0

    def failed(self, error: JobqError) -> float:
        """Log a failed try and say how many seconds to wait."""
        ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._tries, 16))
        self._tries += 1
        pause = ceiling * random.uniform(0.5, 1.0)  # noqa: S311 (spreads tries, guards nothing)
        self._notice("store.unreachable", errand=self._errand, error=error.message, tries=self._tries, pause=pause)
        return pause

    def worked(self) -> None:
        """It works; if it had not, say so."""
        if self._tries:
            self._notice("store.back", errand=self._errand, tries=self._tries)
        self._tries = 0


class Errand:
    """A thread that repeats `turn` until stopped; `turn` returns how many seconds to rest, None to wait for a nudge.

    An outage is waited out for as long as it lasts. Any other error is a bug or a refusal that waiting does not
    mend: it is handed to `watch.broken`, which stops the worker.
    """

    def __init__(self, name: str, turn: Callable[[], float | None], watch: Watch) -> None:
        self._turn = turn
        self._broken = watch.broken
        self._patience = Patience(name, watch.notice)
        self._nudged = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"jobq-{name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def nudge(self) -> None:
        """There is something to do; from any thread."""
        self._nudged.set()

    def tell_to_stop(self) -> None:
        """Finish the turn under way and end."""
        self._stopping = True
        self._nudged.set()

    def stop(self, timeout: float) -> bool:
        """Wait for its end; False when that takes longer than `timeout` seconds."""
        self.tell_to_stop()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping:
            try:
                rest = self._turn()
                self._patience.worked()
            except (Unreachable, TryAgain) as error:
                self._pause(self._patience.failed(error))
                continue
            except Exception as error:  # noqa: BLE001 (the edge of a thread: nobody above would see it)
                self._broken(error)
                return
            self._nudged.wait(rest)
            self._nudged.clear()

    def _pause(self, seconds: float) -> None:
        """Sit out a pause: nudges do not shorten it, a stop does."""
        pause = threading.Event()
        waited = 0.0
        while waited < seconds and not self._stopping:
            pause.wait(min(0.1, seconds - waited))
            waited += 0.1
