"""The few calls to the kernel that Python does not wrap."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
ADOPTION = 5.0


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that the kernel reports its end to us."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """Be killed when `parent`, our parent, dies; leave at once if it is dead already.

    The comparison with a pid that was handed over closes the gap between the fork and this call: without it, a
    parent that died in between would leave us behind for ever.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def wait_for_adoption(by: int, instead_of: int) -> None:
    """Wait until the process that forked us is gone and `by` is our parent; leave if somebody else is."""
    end = time.monotonic() + ADOPTION
    while (parent := os.getppid()) == instead_of and time.monotonic() < end:
        time.sleep(0.0005)
    if parent != by:
        os._exit(1)


def be_first_to_go() -> None:
    """Ask the kernel to kill this process rather than its supervisor when memory runs out."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def resident_bytes(pid: int) -> int:
    """The memory a process holds, in bytes; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
