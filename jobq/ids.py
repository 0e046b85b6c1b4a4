"""Ids that jobq makes: UUIDv7 text (RFC 9562), growing within a process.

Decision: made in the process that enqueues, so that a caller knows its id before the store answers and a lost
reply can be asked again. The 74 random bits serve as a counter too (the RFC's "monotonic random", section 6.2):
a new millisecond draws them afresh, and within one, or when the clock goes back, each id adds a random step of
up to 2^32 to the last. That sorts a batch as it was given, and leaves ids of other processes far out of reach.
Against the database making them: one reply fewer to wait for. Cost: the order between hosts is only as good as
their clocks, and an id tells when its job was made.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from itertools import accumulate
from typing import Final

_RANDOM_BITS = 74
_STEP_BYTES = 4
_HEADROOM = 1 << (_RANDOM_BITS - 1)  # the drawn counter starts in the lower half, so that steps have room above


class IdMaker:
    """Makes ids that grow, for all threads of a process.

    `clock` gives nanoseconds since 1970 and `entropy` that many random bytes; both are there for tests.
    A forked child starts afresh: it would otherwise repeat its parent's ids, or wait for a lock that was held at
    the fork by a thread it does not have.
    """

    _lock: threading.Lock
    _last: int

    def __init__(self, clock: Callable[[], int] = time.time_ns, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self._clock = clock
        self._entropy = entropy
        self._start_afresh()
        os.register_at_fork(after_in_child=self._start_afresh)

    def make(self, count: int) -> list[str]:
        """Return that many new ids, smallest first, all larger than any this maker gave before."""
        steps = memoryview(self._entropy(_STEP_BYTES * count)).cast("I")
        with self._lock:
            first = max(self._drawn(), self._last + 1)
            numbers = list(accumulate((step + 1 for step in steps), initial=first))
            self._last = numbers[-1]
        return [_text(number) for number in numbers[:count]]

    def _drawn(self) -> int:
        """Return the present millisecond with a fresh counter below it, or 0 if the last id is not older."""
        now = self._clock() // 1_000_000 << _RANDOM_BITS
        if now >> _RANDOM_BITS <= self._last >> _RANDOM_BITS:
            return 0
        return now | int.from_bytes(self._entropy(10)) % _HEADROOM

    def _start_afresh(self) -> None:
        self._lock = threading.Lock()
        self._last = 0


def new_id() -> str:
    """Return a new id: 36 characters, larger than every id that this process made before."""
    return _MAKER.make(1)[0]


def new_ids(count: int) -> list[str]:
    """Return that many new ids in growing order, much faster than one by one. `count` may be 0."""
    return _MAKER.make(count)


def _text(number: int) -> str:
    """Write 48 bits of time and 74 random bits as a UUID, with version 7 and the RFC's variant between them."""
    time_and_version = number >> 74 << 16 | 0x7000 | number >> 62 & 0x0FFF
    digits = f"{time_and_version << 64 | 1 << 63 | number & 0x3FFF_FFFF_FFFF_FFFF:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


# The one module-level value with a memory in jobq: "larger than the last id of this process" is a promise about
# the process, and a maker handed from caller to caller would have to be one per process all the same.
_MAKER: Final = IdMaker()
