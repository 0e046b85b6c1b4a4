"""Hints from the server: one connection, one thread, and nothing that must not be lost.

A hint says only that it is worth looking. So many at once become one, and whenever some may have been missed, after
a reconnection, there is one more. The connection says nothing for hours, so it is asked every ten seconds whether it
is still one: a firewall that has forgotten it, or a server that stands still, would otherwise silence a worker for
good. While there is no connection, the worker's own polling goes on.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import uniform
from time import monotonic

import psycopg

from jobq.drivers.postgres.target import Connection, Target
from jobq.errors import JobqError

_ASK_EVERY = 10.0
_ANSWER_WITHIN = 5.0
_RETRY = (0.2, 5.0)  # seconds, at first and at most


@contextmanager
def listening(target: Target, wake: Callable[[], None]) -> Iterator[None]:
    """Call `wake` from another thread for as long as this lasts."""
    ours, theirs = socket.socketpair()
    listener = _Listener(target, wake, theirs)
    thread = threading.Thread(target=listener.run, name="jobq-listen", daemon=True)
    thread.start()
    listener.is_ready.wait(_ANSWER_WITHIN)
    try:
        yield
    finally:
        listener.stop()
        ours.close()
        # It closes its own end, also when it is just stuck in a connection attempt that nobody waits for.
        thread.join(_ANSWER_WITHIN)


class _Listener:
    """Keeps a connection listening until `stop`. `end` becomes readable when it is to stop."""

    def __init__(self, target: Target, wake: Callable[[], None], end: socket.socket) -> None:
        self.is_ready = threading.Event()
        self._target = target
        self._wake = wake
        self._end = end
        self._ended = False

    def stop(self) -> None:
        """Call nobody from now on."""
        self._ended = True

    def run(self) -> None:
        """Listen, and begin again when the connection breaks."""
        with self._end:
            self._keep_listening()

    def _keep_listening(self) -> None:
        pause = _RETRY[0]
        while not self._ended:
            try:
                with self._target.connect() as connection:
                    if self._target.is_pooled:
                        return
                    pause = _RETRY[0]
                    self._listen(connection)
            except (psycopg.Error, JobqError, OSError):
                # Whoever claims gets to know what is wrong; here it is enough to try again.
                self._rest(pause)
                pause = min(2 * pause, _RETRY[1])
            finally:
                self.is_ready.set()

    def _listen(self, connection: Connection) -> None:
        connection.execute("LISTEN jobq")
        self.is_ready.set()
        self._hint()
        conversation = _Conversation(connection)
        while not self._ended:
            ours, theirs = self._end.fileno(), connection.fileno()
            readable, _, _ = select.select([ours, theirs], [], [], conversation.patience())
            if ours in readable:
                return
            if conversation.take(is_readable=theirs in readable):
                self._hint()

    def _rest(self, seconds: float) -> None:
        select.select([self._end], [], [], uniform(seconds / 2, seconds))  # noqa: S311 - spreads out, keeps no secret

    def _hint(self) -> None:
        if not self._ended:
            self._wake()


class _Conversation:
    """Reads what the server says, and asks now and then whether it is there. Raises when it is not."""

    def __init__(self, connection: Connection) -> None:
        self._pgconn = connection.pgconn
        self._asked_at: float | None = None
        self._heard_at = monotonic()

    def patience(self) -> float:
        """For how many seconds there is nothing to do but to listen."""
        if self._asked_at is not None:
            return max(0.0, self._asked_at + _ANSWER_WITHIN - monotonic())
        return max(0.0, self._heard_at + _ASK_EVERY - monotonic())

    def take(self, *, is_readable: bool) -> bool:
        """Read what is there, or ask if there was nothing for long; True when a hint was among it."""
        if not is_readable:
            self._ask()
            return False
        self._pgconn.consume_input()
        self._heard_at = monotonic()
        self._read_answer()
        return self._take_hints()

    def _ask(self) -> None:
        if self._asked_at is not None:
            raise TimeoutError("the server does not answer any more")
        self._pgconn.send_query(b"SELECT 1")
        self._asked_at = monotonic()

    def _read_answer(self) -> None:
        if self._asked_at is None or self._pgconn.is_busy():
            return
        while self._pgconn.get_result() is not None:
            pass
        self._asked_at = None

    def _take_hints(self) -> bool:
        hinted = False
        while self._pgconn.notifies() is not None:
            hinted = True
        return hinted
