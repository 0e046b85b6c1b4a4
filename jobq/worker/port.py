"""What a handler asks of the world, turned into frames for the supervisor."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from jobq import errors
from jobq.jobs import Claim, Completed, Inserted, Settlement
from jobq.requests import RequestMaker
from jobq.worker.frames import Ask, Noted, Reply, pack

if TYPE_CHECKING:
    import structlog

_ERRORS = {
    kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.JobqError)
}
ANSWER_TIMEOUT = 60.0


class ChildPort:
    """The child's way out; `at` gives each running order its own view of it."""

    def __init__(self, maker: RequestMaker, settle_on: Callable[[Any, Settlement], None]) -> None:
        self._maker = maker
        self._settle_on = settle_on
        self._numbers = itertools.count(1)
        self._send: Callable[[bytes], None] = lambda _: None
        self._replies: dict[int, Future[Reply]] = {}

    def connect(self, send: Callable[[bytes], None], replies: dict[int, Future[Reply]]) -> None:
        """Use this socket; `replies` is where its reader finds who waits."""
        self._send, self._replies = send, replies

    def at(self, ticket: int) -> OrderPort:
        """The port of one running order."""
        return OrderPort(self, ticket)

    def enqueue(self, parent: Claim, name: str, payload: Any, options: Mapping[str, Any]) -> Inserted:
        """Ask the supervisor to insert a job, and wait for its word."""
        job = self._maker.child_of(parent, name, payload, options)
        number = next(self._numbers)
        waiting = self._replies[number] = Future()
        self._send(pack(Ask(number, [job])))
        reply = waiting.result(ANSWER_TIMEOUT)
        if reply.error is not None:
            raise _ERRORS.get(reply.code or "", errors.JobqError)(reply.error)
        return Inserted(id=reply.ids[0], deduplicated=reply.ids[0] != job.id)

    def note(self, noted: Noted) -> None:
        """Send progress or a checkpoint."""
        self._send(pack(noted))

    def complete(self, connection: Any, claim: Claim, result: str | None) -> None:
        """Settle on the handler's own connection; the settlement that follows finds it done."""
        self._settle_on(connection, Settlement(id=claim.id, token=claim.token, outcome=Completed(result=result)))


class OrderPort:
    """A `context.Port` that knows which order it speaks for."""

    def __init__(self, port: ChildPort, ticket: int) -> None:
        self._port = port
        self._ticket = ticket

    def enqueue(self, parent: Claim, name: str, payload: Any, options: Mapping[str, Any]) -> Inserted:
        return self._port.enqueue(parent, name, payload, options)

    def note(self, claim: Claim, *, percent: float | None, message: str | None, checkpoint: str | None) -> None:
        self._port.note(Noted(self._ticket, percent, message, checkpoint))

    def complete(self, connection: Any, claim: Claim, result: str | None) -> None:
        self._port.complete(connection, claim, result)

    def logger(self, claim: Claim) -> structlog.typing.FilteringBoundLogger:
        from jobq.telemetry import job_logger

        return job_logger(claim)
