"""Signals become bytes in a pipe, and nothing else: everything happens in the loop that reads them."""

from __future__ import annotations

import os
import signal
from types import FrameType

HANDLED = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGTSTP,
    signal.SIGCONT,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGCHLD,
)


class SignalPipe:
    """The read end has a byte for each signal that came; `read` says which, in order."""

    def __init__(self) -> None:
        self.fd, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def install(self) -> None:
        """Take over the worker's signals; before this they do what they always do."""
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in HANDLED:
            signal.signal(number, _nothing)

    def read(self) -> list[signal.Signals]:
        """The signals since the last look."""
        try:
            return [signal.Signals(number) for number in os.read(self.fd, 1024)]
        except BlockingIOError:
            return []


def _nothing(number: int, frame: FrameType | None) -> None:
    """Python wants a handler, or it would not write the byte."""
