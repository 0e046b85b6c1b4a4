"""A child: a function from orders to reports, with slots to run several at once.

1. Its main thread reads frames from the supervisor, flushes reports and beats.
2. Each slot is a thread that takes the next order, marks it as started, runs it and reports.
3. Async handlers run on one event loop; their slot waits for them.

It has no connection to the store and decides nothing: what a handler asks for goes out as a frame. When the
supervisor is gone (its end of the socket closes) the child leaves at once, whatever runs: the lease of what it
was doing ends, and somebody else starts it again.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections import deque
from concurrent.futures import Future
from queue import SimpleQueue
from typing import assert_never

import msgspec

from jobq.interrupt import Interruptible
from jobq.jobs import Released
from jobq.payload import describe
from jobq.pipeline import Pipeline
from jobq.policy import after_failure
from jobq.worker.frames import Done, Hello, Inflow, Interrupt, Order, Reply, Report, Run, Stop, ToChild, pack
from jobq.worker.output import JobOutput
from jobq.worker.port import ChildPort
from jobq.worker.slots import SlotBoard

BEAT = 1.0
_READ = 1 << 18


class Child:
    """One process's side of the socket."""

    def __init__(
        self, sock: socket.socket, board: SlotBoard, pipeline: Pipeline, output: JobOutput, port: ChildPort
    ) -> None:
        self._sock = sock
        self._board = board
        self._pipeline = pipeline
        self._output = output
        self._port = port
        self._inbox: SimpleQueue[Order | None] = SimpleQueue()
        self._outbox: deque[Report] = deque()
        self._running: dict[int, Interruptible] = {}
        self._early: dict[int, str] = {}
        self._replies: dict[int, Future[Reply]] = {}
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._awake = False
        self._send_lock = threading.Lock()
        self._decode = msgspec.msgpack.Decoder(ToChild)
        port.connect(self._send, self._replies)

    def run(self) -> None:
        """Serve until told to stop; returns when the last report is out."""
        self._send(pack(Hello(os.getpid())))
        slots = [threading.Thread(target=self._serve, args=(slot,), daemon=True) for slot in range(self._board.slots)]
        for thread in slots:
            thread.start()
        self._listen()
        for _ in slots:
            self._inbox.put(None)
        while any(thread.is_alive() for thread in slots):
            self._pump(BEAT / 10)
        self._flush()

    def _listen(self) -> None:
        """Read frames until `Stop`."""
        inflow = Inflow()
        while True:
            if self._pump(BEAT):
                data = self._sock.recv(_READ)
                if not data:
                    os._exit(1)
                for body in inflow.feed(data):
                    if not self._obey(self._decode.decode(body)):
                        return

    def _pump(self, timeout: float) -> bool:
        """Beat, flush what is reported, and say whether the supervisor has written."""
        readable, _, _ = select.select([self._sock.fileno(), self._wake_read], [], [], timeout)
        self._board.beat()
        if self._wake_read in readable:
            os.read(self._wake_read, 64)
        self._flush()
        return self._sock.fileno() in readable

    def _obey(self, frame: ToChild) -> bool:
        match frame:
            case Run(orders=orders):
                for order in orders:
                    self._inbox.put(order)
            case Interrupt(ticket=ticket, why=why):
                self._interrupt(ticket, why)
            case Reply(number=number):
                if (waiting := self._replies.pop(number, None)) is not None:
                    waiting.set_result(frame)
            case Stop():
                return False
            case _:
                assert_never(frame)
        return True

    def _interrupt(self, ticket: int, why: str) -> None:
        attempt = self._running.get(ticket)
        if attempt is None:
            self._early[ticket] = why
        else:
            attempt.interrupt(why)

    def _serve(self, slot: int) -> None:
        """A slot's life."""
        while (order := self._inbox.get()) is not None:
            if self._board.start(slot, order.ticket):
                self._report(self._perform(order))
                self._board.clear(slot)
            else:
                self._report(Report(ticket=order.ticket, outcome=Released(), elapsed=0.0))

    def _perform(self, order: Order) -> Report:
        attempt = Interruptible()
        self._running[order.ticket] = attempt
        if (why := self._early.pop(order.ticket, None)) is not None:
            attempt.interrupt(why)
        began = time.monotonic()
        try:
            with self._output.of(order.claim):
                outcome = self._pipeline.run(order.claim, order.limits, self._port.at(order.ticket), attempt)
        except BaseException as error:  # noqa: BLE001 (a slot must outlive whatever happens in it)
            outcome = after_failure(order.claim, order.limits, describe(error), 0.0)
        finally:
            self._running.pop(order.ticket, None)
        return Report(ticket=order.ticket, outcome=outcome, elapsed=time.monotonic() - began)

    def _report(self, report: Report) -> None:
        """Leave a report for the main thread, and wake it unless it is awake already."""
        self._outbox.append(report)
        if not self._awake:
            self._awake = True
            os.write(self._wake_write, b"\0")

    def _flush(self) -> None:
        # Reset the flag before looking: a report that comes in between writes one wake-up too many, never one too few.
        self._awake = False
        reports = []
        while self._outbox:
            reports.append(self._outbox.popleft())
        if reports:
            self._send(pack(Done(reports)))

    def _send(self, data: bytes) -> None:
        with self._send_lock:
            try:
                self._sock.sendall(data)
            except OSError:
                os._exit(1)
