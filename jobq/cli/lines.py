"""`enqueue --from`: a file of jobs, line by line, chunk by chunk.

A chunk is one transaction. The first bad line ends the run before its chunk is sent, so that what is in line is
always a beginning of the file; how far it goes is kept beside it (`place`), for --resume. The file is never in
memory as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, BinaryIO

from jobq import payload as json_text
from jobq.cli import output
from jobq.cli.inline import aside
from jobq.cli.inputs import STDIN, open_input
from jobq.cli.known import NameCheck
from jobq.cli.place import Line, Place
from jobq.cli.progress import Reach, progress, size_of
from jobq.cli.render.words import plural
from jobq.cli.session import Session
from jobq.client import Client
from jobq.errors import BadPayload, InvalidValue, JobqError, UnknownHandler, Unreachable, UsageError
from jobq.jobs import NewJob

BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 16 * 2**20
_HINT = 'each line is an object: {"name": "email:send", "payload": {}, "queue": "emails"}'


class Intake:
    """Reads a file and puts its jobs in line, `size` at a time."""

    def __init__(
        self, session: Session, client: Client, names: NameCheck, path: str, size: int, *, is_dry: bool
    ) -> None:  # fmt: skip
        self._session = session
        self._client = client
        self._names = names
        self._path = path
        self._title = "standard input" if path == STDIN else path
        self._size = size
        self._is_dry = is_dry
        self._place = Place(path)
        self._jobs = self._deduplicated = 0

    def run(self, *, resume: bool) -> int:
        """Do all of it, and print how many jobs there were; returns the exit code."""
        if resume and self._path == STDIN:
            raise UsageError("--resume needs a file to go on in", hint="write the lines to a file first")
        file = open_input(self._path)
        with (
            nullcontext() if self._path == STDIN else file,
            progress(self._session, self._title, size_of(file)) as reach,
        ):
            self._take_place(file, resume=resume)
            self._work_off(file, reach)
        if not self._is_dry:
            self._place.forget()
        self._present()
        return 0

    def _take_place(self, file: BinaryIO, *, resume: bool) -> None:
        if resume:
            self._place.resume(file, self._client)
            if self._place.done.line:
                self._session.note(f"going on after line {self._place.done.line:,}")
        elif not self._is_dry and (earlier := self._place.earlier()) is not None:
            self._session.warn(
                f"an earlier run put lines 1 to {earlier.line:,} in line; --resume would go on after them"
            )

    def _work_off(self, file: BinaryIO, reach: Reach) -> None:
        try:
            for chunk in self._chunks(file):
                self._send(chunk, [self._prepare(line) for line in chunk])
                reach(chunk[-1].end)
        except BaseException:
            if not self._is_dry:
                self._session.warn(self._what_stands())
            raise

    def _chunks(self, file: BinaryIO) -> Iterator[list[Line]]:
        chunk: list[Line] = []
        for line in self._lines(file):
            chunk.append(line)
            if len(chunk) >= self._size:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _lines(self, file: BinaryIO) -> Iterator[Line]:
        """The lines that hold something, from the place on."""
        number, end, raw = self._place.done.line, self._place.done.offset, b""
        while data := file.readline(LONGEST_LINE + 1):
            number, end, raw = number + 1, end + len(data), raw + data
            if len(data) > LONGEST_LINE:
                raise BadPayload(f"{self._title}:{number}: longer than {LONGEST_LINE // 2**20} MiB", hint=_HINT)
            text = (data.removeprefix(BOM) if number == 1 else data).strip()
            if text:
                yield Line(number, end, text, raw)
                raw = b""

    def _prepare(self, line: Line) -> NewJob:
        """The job of a line; whatever is wrong with it, the error names the line."""
        place = f"{self._title}:{line.number}"
        try:
            request: Any = json_text.decode_text(line.text, limit=None, what="the line")
            job = self._client.prepare(request)
            self._names.check(job.name)
        except UnknownHandler as error:
            raise UnknownHandler(f"{place}: {error.message}", hint=error.hint) from error
        except (BadPayload, InvalidValue) as error:
            raise BadPayload(f"{place}: {_without_line(error.message)}", hint=error.hint or _HINT) from error
        return job

    def _send(self, chunk: list[Line], jobs: list[NewJob]) -> None:
        self._jobs += len(jobs)
        if self._is_dry:
            return
        self._place.intend(chunk, [job.id for job in jobs])
        try:
            with aside(self._client):
                inserted = self._client.send(jobs)
        except Unreachable:
            raise
        except JobqError as error:
            self._place.give_up()
            error.message = f"{self._title}:{chunk[0].number}-{chunk[-1].number}: {error.message}"
            raise
        self._place.reach()
        self._deduplicated += sum(item.deduplicated for item in inserted)
        if self._session.given.quiet:
            output.print_lines(item.id for item in inserted)

    def _what_stands(self) -> str:
        line = self._place.done.line
        if (doubtful := self._place.in_doubt) is not None:
            return (
                f"lines {line + 1:,} to {doubtful.line:,} may be in line or not; run it again with --resume to find out"
            )
        if line == 0:
            return "nothing was put in line"
        again = "; correct the rest and run it again with --resume" if self._place.can_resume else ""
        return f"lines 1 to {line:,} are in line, nothing after them{again}"

    def _present(self) -> None:
        if self._place.problem is not None:
            self._session.warn(self._place.problem)
        summary = {
            "enqueued": 0 if self._is_dry else self._jobs - self._deduplicated,
            "deduplicated": self._deduplicated,
            "checked": self._jobs,
        }
        self._session.present(document=lambda: summary, ids=tuple, text=lambda _: print(self._sentence()))

    def _sentence(self) -> str:
        if self._is_dry:
            return f"{plural(self._jobs, 'job')} could be put in line"
        before = f"; there before: {self._deduplicated:,}" if self._deduplicated else ""
        return f"{plural(self._jobs - self._deduplicated, 'job')} put in line{before}"


def _without_line(message: str) -> str:
    """Each line is a document of its own, so that its errors all speak of line 1."""
    return message.replace("at line 1, column", "at column")
