"""How far a file of jobs has come, kept in a small file beside it.

Before a chunk is sent, its ids are noted, and after it, that it is done. When a run dies in between, the next one
asks the store for these ids: a chunk is one transaction, so that one job of it means all of it. Ids made from the
lines' text would do without the file, but then a line that is there twice on purpose would count once.

What has been sent must not have changed since: the beginning of the file is compared by its hash. Cost: a folder
that must be writable; where it is not, the run goes on and says that it cannot be resumed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from jobq.client import Client
from jobq.errors import Conflict, NotFound

SUFFIX = ".jobq-resume"
_READ = 2**20


class Line(NamedTuple):
    """A line that holds a job: its number, where it ends, its text, and everything from the last one's end on."""

    number: int
    end: int
    text: bytes
    raw: bytes


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a file: everything up to `line`, which ends at `offset`; the hash is of all that."""

    line: int = 0
    offset: int = 0
    sha256: str = hashlib.sha256().hexdigest()


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept: how far it is done, and the chunk that may be done as well, with its ids."""

    done: Mark
    following: Mark | None = None
    ids: tuple[str, ...] = ()


class Place:
    """The place in one file, or in standard input, which cannot be resumed. `problem` says why it is not kept."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = None if path == "-" else Path(f"{path}{SUFFIX}")
        self._hash = hashlib.sha256()
        self._following = Mark()
        self.done = Mark()
        self.problem: str | None = None

    @property
    def can_resume(self) -> bool:
        """Whether a later run can go on from here."""
        return self._file is not None and self.problem is None

    @property
    def in_doubt(self) -> Mark | None:
        """The end of a chunk that was sent, and nobody knows whether it arrived."""
        return self._following if self._following.line > self.done.line else None

    def earlier(self) -> Mark | None:
        """Where an earlier run stopped; None when there was none."""
        note = self._read()
        return None if note is None or note.done.line == 0 else note.done

    def resume(self, file: BinaryIO, client: Client) -> None:
        """Go to where an earlier run stopped, if there was one.

        Raises `Conflict` when what was sent is no longer what the file begins with.
        """
        note = self._read()
        if note is None:
            return
        done = note.following if note.following is not None and _is_in_line(client, note.ids) else note.done
        left = done.offset
        while left > 0 and (data := file.read(min(left, _READ))):
            self._hash.update(data)
            left -= len(data)
        if left or self._hash.hexdigest() != done.sha256:
            raise Conflict(
                f"{self._path} has changed in its first {done.line:,} lines, whose jobs are in line already",
                hint=f"restore them; or remove {self._file} and start over, and these jobs come twice",
            )
        self.done = done

    def intend(self, chunk: Sequence[Line], ids: Sequence[str]) -> None:
        """Note that these lines are about to be sent, as jobs of these ids."""
        for line in chunk:
            self._hash.update(line.raw)
        last = chunk[-1]
        self._following = Mark(line=last.number, offset=last.end, sha256=self._hash.hexdigest())
        self._write(Note(done=self.done, following=self._following, ids=tuple(ids)))

    def reach(self) -> None:
        """Note that what was intended is done."""
        self.done = self._following
        self._write(Note(done=self.done))

    def give_up(self) -> None:
        """Note that the store has refused what was intended."""
        self._following = self.done
        self._write(Note(done=self.done))

    def forget(self) -> None:
        """The whole file is done."""
        if self._file is not None:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    def _read(self) -> Note | None:
        if self._file is None or not self._file.exists():
            return None
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Note)
        except (OSError, msgspec.MsgspecError) as error:
            raise Conflict(
                f"{self._file} cannot be understood: {error}",
                hint="remove it to start over; jobs that are in line come twice",
            ) from error

    def _write(self, note: Note) -> None:
        if self._file is None or self.problem is not None:
            return
        beside = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        try:
            beside.write_bytes(msgspec.json.encode(note))
            beside.replace(self._file)
        except OSError as error:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            self.problem = (
                f"the place in {self._path} cannot be kept beside it ({error.strerror}), so that --resume will not work"
            )


def _is_in_line(client: Client, ids: Sequence[str]) -> bool:
    """Whether a chunk was stored: any of its ids will do, because jobs that were there before have others."""
    for id in ids:
        with suppress(NotFound):
            client.get(id)
            return True
    return False
