"""The two waits before a worker works, both of which a signal ends: for the plugins, and for the store."""

from __future__ import annotations

import select
import signal
import time
from collections.abc import Callable

from jobq.errors import JobqError, PluginError, TryAgain, Unreachable
from jobq.worker.boot import Boot
from jobq.worker.errand import Patience
from jobq.worker.frames import Broken, Loaded
from jobq.worker.mold import Mold
from jobq.worker.signals import SignalPipe


def first_mold(boot: Boot, signals: SignalPipe) -> Mold | None:
    """Start the template and wait for its word; None when told to stop meanwhile. Raises `PluginError`."""
    mold = Mold(boot)
    while mold.answer is None and not mold.closed:
        select.select([mold.sock.fileno(), signals.fd], [], [])
        if _was_told_to_stop(signals):
            mold.stop()
            return None
        mold.read()
    if isinstance(mold.answer, Loaded):
        return mold
    raise _plugin_error(mold.answer)


def register(start: Callable[[], None], timeout: float, patience: Patience, signals: SignalPipe) -> bool:
    """Call `start` until the store answers; False when told to stop. Raises `Unreachable` after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        try:
            start()
        except (Unreachable, TryAgain) as error:
            pause = patience.failed(error)
            if time.monotonic() + pause > end:
                raise
            if _stops_within(pause, signals):
                return False
        else:
            return True


def _stops_within(seconds: float, signals: SignalPipe) -> bool:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        select.select([signals.fd], [], [], left)
        if _was_told_to_stop(signals):
            return True
    return False


def _was_told_to_stop(signals: SignalPipe) -> bool:
    return any(number in {signal.SIGTERM, signal.SIGINT} for number in signals.read())


def _plugin_error(answer: Loaded | Broken | None) -> JobqError:
    if isinstance(answer, Broken):
        error = PluginError(answer.message, hint=answer.hint)
        error.add_note(answer.traceback)
        return error
    return PluginError("the process that loads the plugins died", hint="run `jobq handlers check` to see where")
