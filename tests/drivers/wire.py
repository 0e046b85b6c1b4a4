"""A wire between a Postgres client and its server that can be cut, or lose an answer. Not collected by itself."""

from __future__ import annotations

import select
import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

_CHUNK = 1 << 16


class Wire:
    """Forwards connections to the server at `dsn`; `self.dsn` is the address of this end.

    `lose_answer` forwards the next request, waits until the server has answered it, and cuts the connection instead
    of passing the answer on. `hides_pid` makes up the process id that the server tells, as a pooler does.
    """

    def __init__(self, dsn: str, *, hides_pid: bool = False) -> None:
        self._server = (urlsplit(dsn).hostname or "", urlsplit(dsn).port or 5432)
        self._hides_pid = hides_pid
        self._door = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._door]
        self._loses_answer = threading.Event()
        parts = urlsplit(dsn)
        address = f"{parts.username}@127.0.0.1:{self._door.getsockname()[1]}"
        self.dsn = urlunsplit(parts._replace(netloc=address))

    def lose_answer(self) -> None:
        """The next request will be carried out, and its sender will not get to know."""
        self._loses_answer.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for end in self._sockets:
            _close(end)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            self._sockets += [client, server]
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while self._pass_on(client, server):
                pass
        except (OSError, ValueError):
            # One of the ends is gone, or this wire was taken down.
            pass
        finally:
            _close(client)
            _close(server)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> bool:
        readable, _, _ = select.select([client, server], [], [])
        if client in readable:
            loses = self._loses_answer.is_set()
            data = client.recv(_CHUNK)
            server.sendall(data)
            if loses and data:
                self._loses_answer.clear()
                server.recv(_CHUNK)
                return False
        else:
            data = server.recv(_CHUNK)
            client.sendall(self._disguised(data))
        return bool(data)

    def _disguised(self, data: bytes) -> bytes:
        """The data with another process id in BackendKeyData: a `K`, the length 12, the id, a secret."""
        place = data.find(b"K\x00\x00\x00\x0c") if self._hides_pid else -1
        return data if place < 0 else data[: place + 5] + struct.pack("!i", 4242424) + data[place + 9 :]


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
