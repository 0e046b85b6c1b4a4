"""One child, as its supervisor sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from jobq.jobs import Claim, Note, Outcome
from jobq.policy import RELEASED
from jobq.worker.executor import Asked, Assignment, Ended, Event, Running
from jobq.worker.frames import (
    Ask,
    Done,
    FromChild,
    Hello,
    Inflow,
    Interrupt,
    Noted,
    Order,
    Reply,
    Run,
    Stop,
    ToChild,
    pack,
)
from jobq.worker.judge import Judge, manner_of_death
from jobq.worker.pace import AHEAD, Pace
from jobq.worker.slots import SlotBoard, Started

_READ = 1 << 18


class Phase(StrEnum):
    """Where a child is in its life."""

    STARTING = "starting"
    READY = "ready"
    LEAVING = "leaving"


class Handle:
    """What was ordered from a child and has not come back, and what to make of its death.

    Tickets are this child's own numbers. `verdicts` holds the outcomes of jobs that it is being killed for;
    whatever else runs there then goes back unharmed.
    """

    def __init__(
        self,
        sock: socket.socket,
        board: SlotBoard,
        judge: Judge,
        label: str,
        *,
        wake: Callable[[], None],
        quota: int | None = None,
    ) -> None:
        self.sock = sock
        self.board = board
        self.label = label
        self.phase = Phase.STARTING
        self.pid = 0
        self.ended = 0
        self.given = 0
        self.quota = quota
        self.born = time.monotonic()
        self.lone = False
        self.reserved = False
        self.killed = False
        self.released = False
        self.closed = False
        self._judge = judge
        self._orders: dict[int, Assignment] = {}
        self._tickets: dict[str, int] = {}
        self._last = 0
        self._verdicts: dict[int, Outcome] = {}
        self._asked_to_stop: dict[int, float] = {}
        self._pace = Pace()
        self._inflow = Inflow()
        self._outflow = bytearray()
        self._answers: deque[Reply] = deque()
        self._wake = wake
        self._decode = msgspec.msgpack.Decoder(FromChild)

    @property
    def outstanding(self) -> int:
        """Orders that have not come back."""
        return len(self._orders)

    @property
    def wants_to_write(self) -> bool:
        """Whether bytes wait for the child to read."""
        return bool(self._outflow)

    def room(self) -> int:
        """How many more orders would not wait long."""
        if self.phase is not Phase.READY or self.lone or self.reserved or self.killed:
            return 0
        long = sum(started.seconds > AHEAD for started in self.board.started())
        room = self.board.slots + self._pace.allowance(self.board.slots, long) - self.outstanding
        return max(0, room if self.quota is None else min(room, self.quota - self.given))

    @property
    def is_spent(self) -> bool:
        """Whether it has been given all the jobs it may have in its life."""
        return self.quota is not None and self.given >= self.quota

    def submit(self, assignments: Sequence[Assignment]) -> None:
        """Send orders."""
        if not self._orders:
            self._pace.began()
        orders = []
        for assignment in assignments:
            self._last += 1
            self._orders[self._last] = assignment
            self._tickets[assignment.claim.id] = self._last
            orders.append(Order(ticket=self._last, claim=assignment.claim, limits=assignment.limits))
        self.given += len(orders)
        self.send(Run(orders))

    def send(self, frame: ToChild) -> None:
        """Queue a frame and write what the socket takes: a child that does not read must not block us."""
        self._outflow += pack(frame)
        self.write()

    def write(self) -> None:
        """Write what waits, as far as it goes."""
        try:
            while self._outflow:
                del self._outflow[: self.sock.send(self._outflow)]
        except BlockingIOError:
            return
        except OSError:
            self._outflow.clear()

    def answer(self, reply: Reply) -> None:
        """Leave an answer for the child, from any thread; the pool's own thread sends it."""
        self._answers.append(reply)
        self._wake()

    def send_answers(self) -> None:
        """Send the answers that were left."""
        while self._answers:
            self.send(self._answers.popleft())

    def read(self) -> list[Event]:
        """Take what the child has said; `closed` afterwards if that was its last word."""
        events: list[Event] = []
        try:
            while data := self.sock.recv(_READ):
                for body in self._inflow.feed(data):
                    events += self._understand(self._decode.decode(body))
                if len(data) < _READ:
                    return events
        except BlockingIOError:
            return events
        except (ValueError, msgspec.DecodeError):
            self.kill()  # it talks rubbish: a broken child
        except OSError:
            pass  # reset by its death, which is reported elsewhere
        self.closed = True
        return events

    def _understand(self, frame: FromChild) -> list[Event]:
        match frame:
            case Hello(pid=pid):
                self.pid = pid
                self.phase = Phase.READY if self.phase is Phase.STARTING else self.phase
                if self.killed:
                    self.kill()
                return []
            case Done(reports=reports):
                ended = [self._settle(report.ticket, report.outcome, report.elapsed) for report in reports]
                self._pace.ended(len(reports), idle=not self._orders)
                return [event for event in ended if event is not None]
            case Ask(number=number, jobs=jobs):
                return [Asked(jobs, _Answer(self, number))]
            case Noted(ticket=ticket):
                order = self._orders.get(ticket)
                return [] if order is None else [_note(order.claim, frame)]

    def _settle(self, ticket: int, outcome: Outcome, elapsed: float) -> Ended | None:
        order = self._orders.pop(ticket, None)
        if order is None:
            return None
        self._asked_to_stop.pop(ticket, None)
        if self._tickets.get(order.claim.id) == ticket:
            del self._tickets[order.claim.id]
        self.ended += 1
        self.lone = self.lone and bool(self._orders)
        return Ended(order.claim, outcome, elapsed)

    def revoke(self) -> list[Claim]:
        """Take back what has not started; the board makes sure that it never will."""
        self.board.revoke(self._last)
        taken = [ended.claim for ticket in list(self._orders) if not self.board.has_started(ticket)
                 and (ended := self._settle(ticket, RELEASED, 0.0)) is not None]  # fmt: skip
        self.ended -= len(taken)
        self.given -= len(taken)
        return taken

    def recall_if_stuck(self, patience: float) -> list[Claim]:
        """Take back the unstarted work of a child whose every slot is busy with a long job."""
        started = self.board.started()
        if self.outstanding > len(started) >= self.board.slots and min(s.seconds for s in started) > patience:
            self._pace.stalled()
            return self.revoke()
        return []

    def enforce_timeouts(self, kill_grace: float) -> None:
        """Ask what has run past its timeout to stop, and kill the process if it does not."""
        now = time.monotonic()
        for item in self.board.started():
            order = self._orders.get(item.ticket)
            if order is None or item.seconds <= order.limits.timeout:
                continue
            asked = self._asked_to_stop.get(item.ticket)
            if asked is None:
                self._asked_to_stop[item.ticket] = now
                self.send(Interrupt(item.ticket, "timeout"))
            elif now - asked > kill_grace:
                self._verdicts[item.ticket] = self._judge.timed_out(*order)
                self.kill()

    def cancel(self, job_id: str, verdict: Outcome, *, kill: bool) -> list[Event] | None:
        """Ask a job to stop, or kill the process for it; None when it is not here.

        A job that has not started ends at once, and whatever waits beside it goes back in line.
        """
        ticket = self._tickets.get(job_id)
        if ticket is None:
            return None
        taken = [] if self.board.has_started(ticket) else self.revoke()
        if ticket in {item.ticket for item in self.board.started()}:
            self._stop(ticket, verdict, kill=kill)
        return [Ended(claim, verdict if claim.id == job_id else RELEASED, 0.0) for claim in taken]

    def _stop(self, ticket: int, verdict: Outcome, *, kill: bool) -> None:
        if kill:
            self._verdicts[ticket] = verdict
            self.kill()
        else:
            self.send(Interrupt(ticket, "cancel"))

    def interrupt(self) -> None:
        """Tell every running job that the worker is leaving."""
        for item in self.board.started():
            self.send(Interrupt(item.ticket, "shutdown"))

    def leave(self) -> None:
        """Take no more orders; go when the last one is done."""
        self.phase = Phase.LEAVING
        if not self._orders:
            self.send(Stop())

    def is_silent(self, hang_timeout: float) -> bool:
        """Whether its main thread has not moved for that long while no job of it is within its timeout."""
        if self.phase is Phase.STARTING or self.board.silence() < hang_timeout:
            return False
        return not any(self._within_timeout(item) for item in self.board.started())

    def _within_timeout(self, item: Started) -> bool:
        order = self._orders.get(item.ticket)
        return order is not None and item.seconds <= order.limits.timeout

    def kill(self) -> None:
        """End the process; what becomes of its jobs is decided when the kernel says that it is gone."""
        self.killed = True
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill it for no job's fault: everything there goes back unharmed."""
        self.released = True
        self.kill()

    def bury(self, status: int) -> list[Event]:
        """The kernel says it is dead: read its last words, and judge what it left behind."""
        events = self.read()
        started = {item.ticket for item in self.board.started()} & self._orders.keys()
        blameless = self.released or bool(self._verdicts)
        for ticket, order in list(self._orders.items()):
            outcome: Outcome = RELEASED
            if ticket in self._verdicts:
                outcome = self._verdicts[ticket]
            elif ticket in started and not blameless:
                outcome = self._judge.crashed(*order, manner_of_death(status), guilty=len(started) == 1)
            event = self._settle(ticket, outcome, 0.0)
            events += [event] if event is not None else []
        self.sock.close()
        self.board.close()
        return events

    def running(self) -> list[Running]:
        """What it runs now."""
        items = [(self._orders.get(item.ticket), item.seconds) for item in self.board.started()]
        return [Running(order.claim, seconds, f"{self.label} pid {self.pid}") for order, seconds in items if order]


class _Answer:
    """Carries the answer to a handler's question back to its child."""

    def __init__(self, handle: Handle, number: int) -> None:
        self._handle = handle
        self._number = number

    def __call__(self, ids: Sequence[str], error: Exception | None) -> None:
        code = getattr(error, "code", None)
        self._handle.answer(Reply(self._number, list(ids), None if error is None else str(error), code))


def _note(claim: Claim, noted: Noted) -> Note:
    return Note(
        id=claim.id, token=claim.token, percent=noted.percent, message=noted.message, checkpoint=noted.checkpoint
    )
