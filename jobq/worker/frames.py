"""What supervisor, template and children say to each other, and how it travels.

A frame is a tagged msgpack struct behind its length in four bytes. Decoding checks types and sizes, so that a
child that writes rubbish is a broken child and nothing more: no pickle, nothing that could run.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from jobq.jobs import Claim, HandlerInfo, NewJob, Outcome, SessionInfo
from jobq.policy import Limits, PlainDefaults

MAX_FRAME = 256 * 1024 * 1024
_LENGTH = struct.Struct(">I")


class Order(Struct, frozen=True, kw_only=True, array_like=True):
    """Run this claim. `ticket` grows with every order of one child and is what both sides call it."""

    ticket: int
    claim: Claim
    limits: Limits


class Run(Struct, frozen=True, tag="run"):
    """Orders, in the order in which they are to start."""

    orders: list[Order]


class Interrupt(Struct, frozen=True, tag="interrupt"):
    """Ask a running job to stop; `why` is `timeout`, `cancel` or `shutdown`."""

    ticket: int
    why: str


class Reply(Struct, frozen=True, tag="reply"):
    """The answer to an `Ask`: ids of what was enqueued, or the error's code and message."""

    number: int
    ids: list[str] = []
    error: str | None = None
    code: str | None = None


class Stop(Struct, frozen=True, tag="stop"):
    """Finish what runs, then leave."""


class Report(Struct, frozen=True, kw_only=True, array_like=True):
    """How an order ended, and how many seconds the handler ran."""

    ticket: int
    outcome: Outcome
    elapsed: float


class Done(Struct, frozen=True, tag="done"):
    """Reports, as many as have gathered."""

    reports: list[Report]


class Hello(Struct, frozen=True, tag="hello"):
    """A child's first word."""

    pid: int


class Ask(Struct, frozen=True, tag="ask"):
    """A handler enqueues jobs through the supervisor and waits for the reply."""

    number: int
    jobs: list[NewJob]


class Noted(Struct, frozen=True, tag="noted"):
    """A handler's progress or checkpoint."""

    ticket: int
    percent: float | None = None
    message: str | None = None
    checkpoint: str | None = None


class Loaded(Struct, frozen=True, tag="loaded"):
    """The template has read the configuration and imported the plugins; these are the handlers it can run."""

    handlers: list[HandlerInfo]
    defaults: PlainDefaults
    broken: list[str] = []


class Broken(Struct, frozen=True, tag="broken"):
    """The template cannot work: one line that says why, and the traceback behind it."""

    message: str
    hint: str | None = None
    traceback: str = ""


class Fork(Struct, frozen=True, tag="fork"):
    """Make a child; its socket and its slot memory come along with this frame."""

    slots: int


ToChild = Run | Interrupt | Reply | Stop
FromChild = Done | Hello | Ask | Noted


class Tell(Struct, frozen=True, tag="tell"):
    """Plugins want to know: `hook` is `jobq_worker_started` or `jobq_worker_stopping`."""

    hook: str
    worker: SessionInfo


FromTemplate = Loaded | Broken
ToTemplate = Fork | Stop | Tell

_encoder = msgspec.msgpack.Encoder()


def pack(frame: ToChild | FromChild | FromTemplate | ToTemplate) -> bytes:
    """A frame as bytes for the wire."""
    body = _encoder.encode(frame)
    return _LENGTH.pack(len(body)) + body


class Inflow:
    """Cuts a stream of bytes into the bodies of frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add what was read; yields every body that is complete. Raises ValueError for an impossible length."""
        self._buffer += data
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, start)
            if length > MAX_FRAME:
                raise ValueError(f"a frame of {length} bytes")
            end = start + _LENGTH.size + length
            if len(self._buffer) < end:
                break
            yield bytes(memoryview(self._buffer)[start + _LENGTH.size : end])
            start = end
        del self._buffer[:start]


def read_frame(sock: socket.socket) -> bytes | None:
    """Wait for one whole frame on a blocking socket; None when the other side is gone."""
    head = _read_exactly(sock, _LENGTH.size)
    return None if head is None else _read_exactly(sock, _LENGTH.unpack(head)[0])


def _read_exactly(sock: socket.socket, count: int) -> bytes | None:
    parts: list[bytes] = []
    while count:
        part = sock.recv(min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
