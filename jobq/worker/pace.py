"""How much unstarted work a child may hold: about a tenth of a second's worth, and none behind long jobs.

Without any, a child waits a round trip after each job; with too much, a job waits in one process while another
is idle, and a critical job behind what was claimed before it. So the allowance follows what the child got
through lately while it was busy.
"""

from __future__ import annotations

import time

AHEAD = 0.1
MOST_AHEAD = 1000
_SPAN = 0.02


class Pace:
    """Measures one child's throughput in jobs per busy second."""

    def __init__(self) -> None:
        self._rate = 0.0
        self._since = time.monotonic()
        self._count = 0

    def began(self) -> None:
        """Work was given to an idle child: the time before does not count."""
        self._since, self._count = time.monotonic(), 0

    def ended(self, count: int, *, idle: bool) -> None:
        """So many jobs ended; `idle` says that none is left, which closes the measurement."""
        self._count += count
        span = time.monotonic() - self._since
        if span >= _SPAN or idle:
            rate = self._count / max(span, 1e-4)
            self._rate = (self._rate + rate) / 2 if self._rate else rate
            self.began()

    def stalled(self) -> None:
        """It got stuck: start over."""
        self._rate = 0.0

    def allowance(self, slots: int, long_running: int) -> int:
        """How many jobs it may hold beyond its slots, when `long_running` of them are taken by long jobs."""
        return min(MOST_AHEAD, int(self._rate * AHEAD * (slots - long_running) / slots))
