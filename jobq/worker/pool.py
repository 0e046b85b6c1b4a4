"""The children: how many there are, and what happens to their work when they go.

1. Keep as many ready as wanted; fork from the template, with a growing pause after children that died at birth.
2. Spread what is submitted over those that have room; a claim that must run alone gets a child of its own.
3. Once in a tick: enforce timeouts, take back work from behind long jobs, replace what is due for it.
4. Judge what a dead child left behind, when the kernel says it is dead.
"""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable, Sequence

from jobq.jobs import Cancelled, Claim, HandlerInfo
from jobq.policy import RELEASED
from jobq.worker.executor import Assignment, Ended, Event, Running
from jobq.worker.frames import Loaded
from jobq.worker.handle import Handle, Phase
from jobq.worker.judge import Judge
from jobq.worker.linux import resident_bytes
from jobq.worker.mold import Mold
from jobq.worker.settings import PoolSettings

TICK = 0.1
PATIENCE = 0.25
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 30.0


Notice = Callable[..., None]


class Pool:
    """An `Executor` on child processes. `notice(event, **fields)` gets what a log should say."""

    def __init__(self, settings: PoolSettings, mold: Mold, judge: Judge, notice: Notice) -> None:
        self.settings = settings
        self.target = settings.processes
        self.mold = mold
        self._judge = judge
        self._notice = notice
        self._selector = selectors.DefaultSelector()
        self._handles: list[Handle] = []
        self._events: list[Event] = []
        self._born = 0
        self._next_tick = 0.0
        self._pause = 0.0
        self._not_before = 0.0
        self._alone_waiting = 0
        self._known: Sequence[HandlerInfo] = ()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._awake)

    # The executor's side.

    def handlers(self) -> Sequence[HandlerInfo]:
        if isinstance(self.mold.answer, Loaded):
            self._known = self.mold.answer.handlers
        return self._known  # of the last template that worked, while a new one loads

    def room(self) -> int:
        return sum(handle.room() for handle in self._handles)

    def expect_alone(self, waiting: int) -> bool:
        self._alone_waiting = waiting
        return waiting > 0 and any(self._could_be_lone(handle) for handle in self._handles)

    def submit(self, assignments: Sequence[Assignment]) -> None:
        crowd = [item for item in assignments if not item.claim.alone]
        for item in assignments:
            if item.claim.alone:
                self._submit_alone(item)
        while crowd:
            open_ = [(handle, room) for handle in self._handles if (room := handle.room()) > 0]
            if not open_:
                self._events += [Ended(item.claim, RELEASED, 0.0) for item in crowd]
                return
            open_.sort(key=lambda pair: pair[0].outstanding)
            fair = -(-len(crowd) // len(open_))
            for handle, room in open_:
                part, crowd = crowd[: min(fair, room)], crowd[min(fair, room) :]
                if part:
                    handle.submit(part)
                    self._watch(handle)

    def wait(self, timeout: float) -> list[Event]:
        if not self._events:
            until_tick = max(0.0, self._next_tick - time.monotonic()) if self._is_busy() else timeout
            for key, mask in self._selector.select(min(timeout, until_tick)):
                key.data(mask)
        if time.monotonic() >= self._next_tick:
            self._tick()
        events, self._events = self._events, []
        return events

    def wake(self) -> None:
        try:
            os.write(self._wake_write, b"\0")
        except BlockingIOError:
            return  # a pipe full of wake-ups is awake

    def outstanding(self) -> int:
        return sum(handle.outstanding for handle in self._handles)

    def running(self) -> list[Running]:
        return [running for handle in self._handles for running in handle.running()]

    def revoke(self) -> list[Claim]:
        return [claim for handle in self._handles for claim in handle.revoke()]

    def cancel(self, job_id: str, *, kill: bool, reason: str | None) -> None:
        for handle in self._handles:
            events = handle.cancel(job_id, Cancelled(reason=reason), kill=kill)
            if events is not None:
                self._events += events
                return

    def interrupt(self) -> None:
        for handle in self._handles:
            handle.interrupt()

    def kill(self) -> None:
        for handle in self._handles:
            handle.end()

    # The supervisor's side.

    def register(self, fd: int, callback: Callable[[int], None]) -> None:
        """Let `wait` watch another descriptor; the callback gets the mask."""
        self._selector.register(fd, selectors.EVENT_READ, callback)

    def unregister(self, fd: int) -> None:
        """Stop watching a descriptor."""
        self._selector.unregister(fd)

    def counts(self) -> dict[Phase, int]:
        """How many children there are in each phase."""
        return {phase: sum(handle.phase is phase for handle in self._handles) for phase in Phase}

    def pids(self) -> list[int]:
        """The children's process ids."""
        return [handle.pid for handle in self._handles if handle.pid]

    def replace_all(self, mold: Mold) -> None:
        """Use another template from now on; every child leaves when its jobs are done."""
        old, self.mold = self.mold, mold
        if old is not mold:
            old.stop()
        for handle in self._handles:
            handle.leave()

    def ready(self) -> list[Handle]:
        """The children that take jobs, oldest first."""
        return [handle for handle in self._handles if handle.phase is Phase.READY]

    def stop(self) -> None:
        """No more children; those there leave when their jobs are done."""
        self.target = 0
        for handle in self._handles:
            handle.leave()

    def died(self, pid: int, status: int) -> bool:
        """The kernel reports a death; False when it was no child of the pool."""
        handle = next((handle for handle in self._handles if handle.pid == pid), None)
        if handle is None:
            # It may have died before its first word was read.
            handle = next((h for h in self._handles if not h.pid and self._introduce(h) == pid), None)
        if handle is None:
            return False
        self._bury(handle, status)
        return True

    def _introduce(self, handle: Handle) -> int:
        self._events += handle.read()
        return handle.pid

    def _bury(self, handle: Handle, status: int) -> None:
        self._forget(handle)
        expected = handle.phase is Phase.LEAVING and status == 0
        if handle.given == 0 and not expected and not handle.killed:
            self._pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, self._pause * 2))
            self._not_before = time.monotonic() + self._pause
        self._events += handle.bury(status)
        self._notice(
            "child.exited", child=handle.label, pid=handle.pid, status=status, expected=expected or handle.killed
        )

    def _forget(self, handle: Handle) -> None:
        self._handles.remove(handle)
        try:
            self._selector.unregister(handle.sock)
        except (KeyError, ValueError):
            return  # its last word was read already

    def _submit_alone(self, item: Assignment) -> None:
        free = [handle for handle in self._handles if self._could_be_lone(handle)]
        if not free:
            self._events.append(Ended(item.claim, RELEASED, 0.0))
            return
        free[0].submit([item])
        free[0].lone = True
        self._watch(free[0])

    def _could_be_lone(self, handle: Handle) -> bool:
        return handle.phase is Phase.READY and handle.outstanding == 0 and not handle.killed

    def _is_busy(self) -> bool:
        staying = sum(handle.phase is not Phase.LEAVING for handle in self._handles)
        return self.outstanding() > 0 or staying != self.target or self._alone_waiting > 0

    def _awake(self, _: int) -> None:
        os.read(self._wake_read, 4096)
        for handle in self._handles:
            handle.send_answers()
            self._watch(handle)

    def _watch(self, handle: Handle) -> None:
        """Ask to be told when the child can read again, as long as bytes wait for it."""
        if handle.closed:
            return
        mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if handle.wants_to_write else 0)
        if self._selector.get_key(handle.sock).events != mask:
            self._selector.modify(handle.sock, mask, self._selector.get_key(handle.sock).data)

    def _tick(self) -> None:
        self._next_tick = time.monotonic() + TICK
        for handle in list(self._handles):
            handle.enforce_timeouts(self.settings.kill_grace)
            self._events += [Ended(claim, RELEASED, 0.0) for claim in handle.recall_if_stuck(PATIENCE)]
            self._retire_if_due(handle)
            self._watch(handle)
        self._keep_number()

    def _retire_if_due(self, handle: Handle) -> None:
        if handle.closed:
            # Its socket is gone: either it is dying, or a handler has closed it and it can say nothing any more.
            handle.kill() if handle.pid else self._bury(handle, 1)
        elif handle.is_silent(self.settings.hang_timeout):
            self._notice("child.silent", child=handle.label, pid=handle.pid)
            handle.kill()
        elif handle.phase is Phase.LEAVING:
            handle.leave()
        elif self._is_worn(handle):
            self._notice("child.recycled", child=handle.label, pid=handle.pid, jobs=handle.ended)
            handle.leave()

    def _is_worn(self, handle: Handle) -> bool:
        memory = self.settings.max_memory_per_child
        return handle.is_spent or (memory is not None and handle.pid > 0 and resident_bytes(handle.pid) > memory)

    def _keep_number(self) -> None:
        staying = [handle for handle in self._handles if handle.phase is not Phase.LEAVING]
        crowd = [handle for handle in staying if not handle.reserved]
        reserved = [handle for handle in staying if handle.reserved]
        for handle in sorted(crowd, key=lambda handle: handle.outstanding)[: max(0, len(crowd) - self.target)]:
            handle.leave()
        if time.monotonic() >= self._not_before and isinstance(self.mold.answer, Loaded):
            for _ in range(self.target - len(crowd)):
                self._give_birth()
            # A claim that must run alone would wait for the longest job of a child, and hold up nobody but itself
            # only if it gets a process of its own for that time.
            if self._alone_waiting and self.target and not reserved and not any(map(self._could_be_lone, crowd)):
                self._give_birth(reserved=True)
        for handle in reserved if not self._alone_waiting else ():
            if not handle.outstanding:
                handle.leave()

    def _give_birth(self, *, reserved: bool = False) -> None:
        try:
            sock, board = self.mold.fork(self.settings.concurrency)
        except OSError:
            return  # the template is dying; its replacement makes the child
        self._born += 1
        label = f"child-{self._born}"
        handle = Handle(sock, board, self._judge, label, wake=self.wake, quota=self._quota())
        handle.reserved = reserved
        self._handles.append(handle)
        self._selector.register(sock, selectors.EVENT_READ, lambda mask: self._serve(handle, mask))

    def _quota(self) -> int | None:
        """How many jobs the next child may have; each a little different, so that not all are replaced at once."""
        most = self.settings.max_jobs_per_child
        spread = 1 + (self._born % 5 - 2) / 20
        return None if most is None else max(1, round(most * spread))

    def _serve(self, handle: Handle, mask: int) -> None:
        if handle not in self._handles:
            return  # buried by an event of the same round
        if mask & selectors.EVENT_WRITE:
            handle.write()
        if mask & selectors.EVENT_READ:
            before = handle.phase
            self._events += handle.read()
            if handle.ended:
                self._pause = 0.0
            if before is Phase.STARTING and handle.phase is Phase.READY:
                self._notice("child.ready", child=handle.label, pid=handle.pid)
            if handle.phase is Phase.LEAVING and not handle.outstanding:
                handle.leave()
        if handle.closed:
            self._selector.unregister(handle.sock)
            return
        self._watch(handle)
