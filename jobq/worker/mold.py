"""The supervisor's side of the template process."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys

import msgspec

from jobq.jobs import SessionInfo
from jobq.worker.boot import Boot
from jobq.worker.frames import Broken, Fork, FromTemplate, Inflow, Loaded, Stop, Tell, pack
from jobq.worker.slots import SlotBoard, new_board

_READ = 1 << 18
_RESET = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE)


class Mold:
    """A template process: started, asked for children, and replaced as a whole.

    `answer` is None until it has loaded everything or failed to.
    """

    def __init__(self, boot: Boot) -> None:
        self.boot = boot
        self.answer: Loaded | Broken | None = None
        self.closed = False
        self.sock, theirs = socket.socketpair()
        self.pid = _spawn(theirs)
        theirs.close()
        self._inflow = Inflow()
        self._decode = msgspec.msgpack.Decoder(FromTemplate)
        frame = msgspec.msgpack.encode(boot)
        self.sock.sendall(len(frame).to_bytes(4, "big") + frame)
        self.sock.settimeout(0)

    def read(self) -> None:
        """Take what the template has said."""
        try:
            data = self.sock.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return
        for body in self._inflow.feed(data):
            self.answer = self._decode.decode(body)

    def fork(self, slots: int) -> tuple[socket.socket, SlotBoard]:
        """Ask for a child; it introduces itself on the socket that is returned. Raises OSError when dead."""
        ours, theirs = socket.socketpair()
        fd, board = new_board(slots)
        try:
            socket.send_fds(self.sock, [pack(Fork(slots))], [theirs.fileno(), fd])
        except OSError:
            ours.close()
            board.close()
            raise
        finally:
            theirs.close()
            os.close(fd)
        ours.settimeout(0)
        return ours, board

    def tell(self, hook: str, worker: SessionInfo) -> None:
        """Let plugins know what the worker is doing; their code runs over there."""
        with contextlib.suppress(OSError):
            self.sock.send(pack(Tell(hook, worker)))

    def stop(self) -> None:
        """Let it go; children it has made live on."""
        try:
            self.sock.send(pack(Stop()))
        except OSError:
            self.closed = True
        self.sock.close()
        self.closed = True


def _spawn(theirs: socket.socket) -> int:
    """Start the interpreter anew, in a session of its own so that a Ctrl-C reaches only the supervisor.

    Not `subprocess`: the supervisor reaps with `waitpid(-1)`, which would steal the status from its objects.
    """
    arguments = [sys.executable, "-m", "jobq.worker.template"]
    actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3), (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    return os.posix_spawn(
        sys.executable, arguments, os.environ, file_actions=actions, setsid=True, setsigmask=[], setsigdef=_RESET
    )
