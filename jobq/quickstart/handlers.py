"""The handlers of `jobq quickstart`: an ordinary plugin module, as yours could be.

Each is a function of a payload (and, if it likes, of a context), and says in `@job` under which name, in which queue
and with how much patience it runs. A job may run more than once, so a file is written beside its place and moved
there: whoever looks sees the old one or the new one, and never a half.
"""

from __future__ import annotations

import os
import socket
import tokenize
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import to_builtins

import jobq
from jobq import Context, Discard, job
from jobq.quickstart.anatomy import anatomy_of, read_source
from jobq.quickstart.minimap import draw
from jobq.quickstart.png import decode, encode, shrink

LOOPBACK = "127.0.0.1"
PATIENCE = 5.0


@dataclass(frozen=True)
class Source:
    """A Python source to take apart."""

    path: str


@dataclass(frozen=True)
class Drawing:
    """A source, and where its picture and the picture's thumbnail shall be."""

    source: str
    picture: str
    thumbnail: str


@dataclass(frozen=True)
class Thumbnail:
    """A picture that is there, and where a smaller one shall be; it gets at most `width` pixels wide."""

    picture: str
    thumbnail: str
    width: int = 320


@dataclass(frozen=True)
class Message:
    """A line of text for whoever listens on a port of this machine."""

    port: int
    text: str


@job("quickstart:analyse", queue="sources", timeout="1m")
def analyse(payload: Source) -> dict[str, Any]:
    """Count a Python source's lines and functions, and find the longest function."""
    try:
        anatomy = anatomy_of(read_source(Path(payload.path)), payload.path)
    except SyntaxError as error:
        # Reading it again will not mend it, so no attempt is spent on hoping.
        place = "" if error.lineno is None else f"line {error.lineno} of "
        raise Discard(f"{error.msg}, {place}{payload.path}") from error
    except ValueError as error:
        raise Discard(f"{error}, {payload.path}") from error
    facts: dict[str, Any] = to_builtins(anatomy)
    return facts


@job("quickstart:render", queue="pictures", timeout="1m", priority="high")
def render(payload: Drawing, ctx: Context) -> dict[str, Any]:
    """Draw a source as a picture, a pixel for every character, and have it made smaller."""
    try:
        picture = draw(read_source(Path(payload.source)))
    except (SyntaxError, ValueError, tokenize.TokenError) as error:
        raise Discard(f"{error}, {payload.source}") from error
    ctx.progress(50, "drawn")
    written = _write(Path(payload.picture), encode(picture))
    ctx.enqueue(
        "quickstart:resize", {"picture": payload.picture, "thumbnail": payload.thumbnail}, tags=ctx.tags,
        unique_key=payload.thumbnail,
    )  # fmt: skip
    return {"width": picture.width, "height": picture.height, "bytes": written}


@job("quickstart:resize", queue="pictures", timeout="1m")
def resize(payload: Thumbnail) -> dict[str, Any]:
    """Make a thumbnail of a picture."""
    try:
        picture = decode(Path(payload.picture).read_bytes())
    except ValueError as error:
        raise Discard(f"{error}, {payload.picture}") from error
    small = shrink(picture, max(1, -(-picture.width // payload.width)))
    written = _write(Path(payload.thumbnail), encode(small))
    return {"width": small.width, "height": small.height, "bytes": written}


@job("quickstart:deliver", priority="critical", timeout="30s", max_attempts=10, backoff=jobq.fixed(1.0))
def deliver(payload: Message) -> dict[str, Any]:
    """Send a line to whoever listens, and wait for the receipt; a connection that is refused is tried again."""
    with socket.create_connection((LOOPBACK, payload.port), timeout=PATIENCE) as connection:
        connection.sendall(payload.text.encode() + b"\n")
        with connection.makefile(encoding="utf-8") as answers:
            receipt = answers.readline().rstrip("\n")
    if not receipt:
        raise ConnectionError(f"port {payload.port} hung up without a receipt")
    return {"receipt": receipt}


def _write(path: Path, content: bytes) -> int:
    """Put a file in its place as a whole; returns its size in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()
    return len(content)
