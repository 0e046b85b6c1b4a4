"""Waking other processes without anybody polling: a datagram of one byte to whoever listens.

Decision: Unix sockets, whose addresses stand in the store, against watching the file (any commit would wake
everybody, and every platform does it differently) and against signals (one must know whom, and may hit a stranger).
The sockets lie in a private folder beside the database, since that is the one place that all who share the store
can see, also from a service with a /tmp of its own; a path that is too long for a socket falls back to a temporary
folder. A byte is a hint and may get lost: nobody relies on it, and everybody looks once in a while anyway.
"""

from __future__ import annotations

import os
import selectors
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from jobq.drivers.sqlite.books import Store
from jobq.errors import JobqError

_LOOK_AGAIN = 30.0  # seconds
_DROPPED = (FileNotFoundError, ConnectionRefusedError, NotADirectoryError)


class Bell:
    """Rings wherever somebody listens to `store`, in this process or another."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._folder = Path(f"{store.connections.path}-wake")

    def ring(self) -> None:
        """Wake everybody who listens. Never fails: what it is about is already done."""
        with suppress(JobqError, OSError):
            addresses = self._addresses()
            if addresses:
                self._forget([address for address in addresses if not self._reaches(address)])

    @contextmanager
    def listen(self, wake: Callable[[], None]) -> Iterator[None]:
        """Call `wake` on a thread of its own, as long as this lasts."""
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as ears, self._bound(ears) as place:
            self._register(place)
            ending, end = socket.socketpair()
            listener = threading.Thread(
                target=self._wait, args=(ears, ending, place, wake), name="jobq-sqlite-listener", daemon=True
            )
            listener.start()
            try:
                yield
            finally:
                end.close()
                listener.join()
                ending.close()

    def _wait(self, ears: socket.socket, ending: socket.socket, place: Path, wake: Callable[[], None]) -> None:
        ears.setblocking(False)  # noqa: FBT003 - the library's own signature
        with selectors.DefaultSelector() as selector:
            selector.register(ears, selectors.EVENT_READ)
            selector.register(ending, selectors.EVENT_READ)
            while True:
                heard = [key.fileobj for key, _ in selector.select(_LOOK_AGAIN)]
                if ending in heard:
                    return
                if heard:
                    self._drain(ears)
                    wake()
                    continue
                # Somebody may have taken us for dead, for example from where our socket cannot be seen.
                with suppress(JobqError):
                    self._register(place)

    def _drain(self, ears: socket.socket) -> None:
        """Many bytes that have come meanwhile are one hint."""
        with suppress(BlockingIOError):
            while ears.recv(1):
                pass

    @contextmanager
    def _bound(self, ears: socket.socket) -> Iterator[Path]:
        """Give a socket its place, and clear it away afterwards."""
        place = self._bind(ears)
        try:
            place.chmod(0o600)
            yield place
        finally:
            with suppress(JobqError), self._store.write() as books:
                books.run(books.sql.listener_gone, {"address": self._address_of(place)})
            place.unlink(missing_ok=True)
            with suppress(OSError):
                # The last one to leave; for the others it is not empty.
                place.parent.rmdir()

    def _bind(self, ears: socket.socket) -> Path:
        name = os.urandom(6).hex()
        try:
            self._folder.mkdir(0o700, exist_ok=True)
            ears.bind(str(self._folder / name))
        except OSError:
            # The path is too long for a socket, or the folder belongs to another user.
            place = Path(tempfile.mkdtemp(prefix="jobq-")) / name
            ears.bind(str(place))
            return place
        return self._folder / name

    def _register(self, place: Path) -> None:
        """Write our address down, unless it is there; looking first, since that costs nothing."""
        address = self._address_of(place)
        with self._store.read() as books:
            known = books.one(books.sql.listener, {"address": address})
        if known is None:
            with self._store.write() as books:
                books.run(books.sql.listener_new, {"address": address})

    def _address_of(self, place: Path) -> str:
        """Beside the database by name alone: others may see that folder under another path."""
        return place.name if place.parent == self._folder else str(place)

    def _addresses(self) -> list[str]:
        with self._store.read() as books:
            return [row["address"] for row in books.all(books.sql.listeners)]

    def _reaches(self, address: str) -> bool:
        """Send a hint; False when nobody is there any more. A full mailbox is as good as a delivered hint."""
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as mouth:
            mouth.setblocking(False)  # noqa: FBT003 - the library's own signature
            try:
                mouth.sendto(b"!", str(self._folder / address))
            except _DROPPED:
                return False
            except OSError:
                return True
        return True

    def _forget(self, addresses: list[str]) -> None:
        """Clear away what processes that were killed have left behind."""
        for address in addresses:
            with self._store.write() as books:
                books.run(books.sql.listener_gone, {"address": address})
            (self._folder / address).unlink(missing_ok=True)
