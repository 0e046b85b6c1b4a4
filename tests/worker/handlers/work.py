"""Handlers that do to a worker what jobs do to workers. Each writes what happens to it to a file of its own."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import jobq
from jobq import Context, Discard, Retry, Snooze, job

SOON = jobq.fixed(0.05)
PATIENT = threading.Event()


def note(event: str, ctx: Context, **more: Any) -> None:
    """Append a line to the history, in one write, so that nobody's lines are mixed."""
    row = {"event": event, "id": ctx.job_id, "attempt": ctx.attempt, "pid": os.getpid(), "at": time.time(), **more}
    descriptor = os.open(os.environ["WORK_HISTORY"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, (json.dumps(row) + "\n").encode())
    os.close(descriptor)


@job("work:noop")
def noop(payload: dict[str, Any]) -> None:
    """Do nothing."""


@job("work:nap", max_attempts=100, max_crashes=100, backoff=SOON, timeout="120s")
def nap(payload: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Sleep for `ms`."""
    note("start", ctx)
    PATIENT.wait(payload["ms"] / 1000)
    note("end", ctx)
    return {"pid": os.getpid()}


@job("work:async-nap", timeout="120s")
async def async_nap(payload: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Sleep for `ms` on the event loop."""
    note("start", ctx)
    await asyncio.sleep(payload["ms"] / 1000)
    note("end", ctx)
    return {"thread": threading.current_thread().name}


@job("work:fail", max_attempts=3, backoff=SOON)
def fail(payload: dict[str, Any], ctx: Context) -> None:
    """Fail every time."""
    note("start", ctx)
    raise ValueError(payload.get("message", "as asked"))


@job("work:die", max_attempts=20, max_crashes=2, backoff=SOON)
def die(payload: dict[str, Any], ctx: Context) -> None:
    """Take the process along."""
    note("start", ctx)
    os.kill(os.getpid(), payload.get("signal", signal.SIGKILL))


@job("work:leave", max_attempts=20, max_crashes=1)
def leave(payload: dict[str, Any], ctx: Context) -> None:
    """Leave without a word."""
    note("start", ctx)
    os._exit(payload.get("code", 0))


@job("work:exit", max_attempts=1)
def exit_(payload: dict[str, Any], ctx: Context) -> None:
    """Leave as a program would."""
    sys.exit(3)


@job("work:stuck", timeout="1s", max_attempts=1)
def stuck(payload: dict[str, Any], ctx: Context) -> None:
    """Hold the interpreter lock in C, where no exception reaches."""
    note("start", ctx)
    ctypes.PyDLL(None).sleep(int(payload.get("s", 60)))


@job("work:regex", timeout="120s", max_attempts=1)
def regex(payload: dict[str, Any], ctx: Context) -> None:
    """Hold the interpreter lock in a hopeless match."""
    note("start", ctx)
    re.match(r"(a+)+$", "a" * payload["length"] + "b")
    note("end", ctx)


@job("work:loop", timeout="0.5s", max_attempts=1)
def loop(payload: dict[str, Any], ctx: Context) -> None:
    """Run in Python for ever."""
    note("start", ctx)
    while True:
        pass


@job("work:async-loop", timeout="0.5s", max_attempts=1)
async def async_loop(payload: dict[str, Any], ctx: Context) -> None:
    """Wait on the event loop for ever."""
    note("start", ctx)
    await asyncio.Event().wait()


@job("work:async-block", timeout="0.5s", max_attempts=1)
async def async_block(payload: dict[str, Any], ctx: Context) -> None:
    """Block the event loop, where no cancellation reaches."""
    note("start", ctx)
    PATIENT.wait(60)


@job("work:mumble")
def mumble(payload: dict[str, Any], ctx: Context) -> None:
    """Report progress in ways that nobody expects."""
    ctx.progress(5, "a\x00b\ud800")
    ctx.progress(True, 7)  # type: ignore[arg-type]  # noqa: FBT003
    ctx.progress(40)


@job("work:stubborn", timeout="0.5s", max_attempts=1)
def stubborn(payload: dict[str, Any], ctx: Context) -> None:
    """Swallow whatever is raised to stop it."""
    note("start", ctx)
    while True:
        try:
            PATIENT.wait(0.01)
        except BaseException:  # noqa: BLE001
            continue


@job("work:polite", timeout="120s")
def polite(payload: dict[str, Any], ctx: Context) -> None:
    """Look every 10 ms whether to stop."""
    note("start", ctx)
    while True:
        ctx.check()
        PATIENT.wait(0.01)


@job("work:discard")
def discard(payload: dict[str, Any]) -> None:
    """Give up for good."""
    raise Discard("no use")


@job("work:retry", max_attempts=2)
def retry(payload: dict[str, Any], ctx: Context) -> int:
    """Ask for one more attempt."""
    if ctx.attempt == 1:
        raise Retry(0.05)
    return ctx.attempt


@job("work:snooze", max_attempts=1)
def snooze(payload: dict[str, Any], ctx: Context) -> int:
    """Put itself off once."""
    flag = Path(payload["flag"])
    if not flag.exists():
        flag.touch()
        raise Snooze(0.05)
    return ctx.attempt


@job("work:parent")
def parent(payload: dict[str, Any], ctx: Context) -> str:
    """Enqueue another job."""
    return ctx.enqueue("work:noop", {"from": ctx.job_id}, queue="children").id


@job("work:steps", max_attempts=2, backoff=SOON)
def steps(payload: dict[str, Any], ctx: Context) -> Any:
    """Keep a checkpoint, fail, and go on from there."""
    ctx.progress(50, "half way")
    if ctx.checkpoint_value is None:
        ctx.checkpoint({"done": 7})
        raise RuntimeError("after the checkpoint")
    return ctx.checkpoint_value


@job("work:talk")
def talk(payload: dict[str, Any]) -> None:
    """Say something on every channel."""
    print("said with print")
    sys.stderr.write("said on stderr\n")
    import logging

    logging.getLogger("work").warning("said with logging")


@job("work:flood")
def flood(payload: dict[str, Any]) -> None:
    """Write many MiB past Python."""
    for _ in range(payload["mib"]):
        os.write(1, b"x" * 1048575 + b"\n")


@job("work:bloat", timeout="60s")
def bloat(payload: dict[str, Any], ctx: Context) -> None:
    """Keep some memory for ever."""
    note("start", ctx)
    PATIENT.__dict__.setdefault("kept", []).append(bytearray(os.urandom(1024)) * 1024 * payload["mib"])


@job("work:orphan")
def orphan(payload: dict[str, Any], ctx: Context) -> None:
    """Leave a grandchild behind that ends on its own."""
    if os.fork() == 0:
        os._exit(0)
    note("end", ctx)


@job("work:deaf")
def deaf(payload: dict[str, Any], ctx: Context) -> None:
    """Close every descriptor that is not its own."""
    note("start", ctx)
    os.closerange(3, 256)
    PATIENT.wait(60)
