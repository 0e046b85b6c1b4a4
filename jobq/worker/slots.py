"""Shared memory in which a child marks what it has started, for the supervisor to read at any moment.

One page for each child: a word that the supervisor writes (`revoked`: orders up to this ticket must not start
any more), a heartbeat, for every slot the ticket that runs there and when it started, and for every order a trace
that it was started at all: its slot is clear again before its report has arrived, and it must not be run twice.

Why not a frame for each start: a frame is lost with the process that had not flushed it, and then a crash would
be blamed on the wrong job; a word in memory outlives its writer. It also saves one message a job. And a child
that holds the GIL for a minute can still have its unstarted orders taken back.

The protocol is Dekker's: the child writes its slot, then reads `revoked`; the supervisor writes `revoked`, then
reads the slots. At least one of them sees the other; when both do, the child hands the order back by a report.
"""

from __future__ import annotations

import mmap
import os
import time
from typing import NamedTuple

_REVOKED, _BEAT, _FIRST = 0, 1, 8
_WORD = 8
# Together with a child's slots more than it can hold at once, so that no two of its orders share a word.
_TRACES = 4096


class Started(NamedTuple):
    """A running order: its slot, its ticket, and how many seconds ago it started."""

    slot: int
    ticket: int
    seconds: float


class SlotBoard:
    """One child's page, mapped by both sides from the same descriptor."""

    def __init__(self, fd: int, slots: int) -> None:
        self.slots = slots
        self._page = mmap.mmap(fd, _size(slots))
        # Aligned words through a cast view: each store is one machine word, so no reader sees half a ticket.
        self._words = memoryview(self._page).cast("Q")

    def close(self) -> None:
        """Unmap; what was read stays valid."""
        self._words.release()
        self._page.close()

    def start(self, slot: int, ticket: int) -> bool:
        """Child: mark the order as started; False when it was revoked and must be handed back."""
        here = _FIRST + 2 * slot
        self._words[here + 1] = time.monotonic_ns()
        self._words[here] = ticket
        self._words[self._trace(ticket)] = ticket
        if ticket <= self._words[_REVOKED]:
            self.clear(slot)
            return False
        return True

    def clear(self, slot: int) -> None:
        """Child: nothing runs in this slot."""
        self._words[_FIRST + 2 * slot] = 0

    def beat(self) -> None:
        """Child: its main thread is alive."""
        self._words[_BEAT] = time.monotonic_ns()

    def revoke(self, ticket: int) -> None:
        """Supervisor: orders up to this ticket that have not started must not."""
        self._words[_REVOKED] = max(ticket, self._words[_REVOKED])

    def started(self) -> list[Started]:
        """Supervisor: what runs now, or ran when the child died."""
        now = time.monotonic_ns()
        found = []
        for slot in range(self.slots):
            here = _FIRST + 2 * slot
            if ticket := self._words[here]:
                found.append(Started(slot, ticket, (now - self._words[here + 1]) / 1e9))
        return found

    def has_started(self, ticket: int) -> bool:
        """Supervisor: whether this order has ever been started, ended or not; its report may still be on its way."""
        return bool(self._words[self._trace(ticket)] == ticket)

    def _trace(self, ticket: int) -> int:
        return _FIRST + 2 * self.slots + ticket % (_TRACES + self.slots)

    def silence(self) -> float:
        """Supervisor: seconds since the last heartbeat."""
        return (time.monotonic_ns() - self._words[_BEAT]) / 1e9


def new_board(slots: int) -> tuple[int, SlotBoard]:
    """Make a page that a descriptor can carry to a child; returns the descriptor and the supervisor's mapping."""
    fd = os.memfd_create("jobq-slots", os.MFD_CLOEXEC)
    os.ftruncate(fd, _size(slots))
    board = SlotBoard(fd, slots)
    board.beat()
    return fd, board


def _size(slots: int) -> int:
    return _WORD * (_FIRST + 3 * slots + _TRACES)
