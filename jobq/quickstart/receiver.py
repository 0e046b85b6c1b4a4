"""A service that is down at first, so that there is a failure to retry which nobody has to pretend.

A port of this machine is taken at once, so that nobody else gets it, and refuses every connection, as the kernel
does for a socket on which nobody listens, until `open` is called.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from jobq.quickstart.handlers import LOOPBACK

MOST_BYTES = 1 << 16
PATIENCE = 5.0


class Receiver:
    """Answers each line with a receipt, once it is open. Use it as a context manager."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind((LOOPBACK, 0))
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            # Closing alone would leave the thread in `accept`.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._thread.join(PATIENCE)
        self._socket.close()

    @property
    def port(self) -> int:
        """The port that is held."""
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._thread is not None

    def open(self) -> None:
        """Begin to listen. Calling it twice is fine."""
        if self._thread is None:
            self._socket.listen()
            self._thread = threading.Thread(target=self._serve, name="quickstart-receiver", daemon=True)
            self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                connection, _ = self._socket.accept()
                with connection, suppress(OSError):  # who hangs up comes again, and that is the point here
                    _answer(connection)


def _answer(connection: socket.socket) -> None:
    connection.settimeout(PATIENCE)
    with connection.makefile("rb") as lines:
        line = lines.readline(MOST_BYTES)
    connection.sendall(b"received %d bytes\n" % len(line))
