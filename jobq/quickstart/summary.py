"""What happened, read from the store: nothing here knows more than `jobq jobs list` would tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from msgspec import Struct

from jobq.client import Client
from jobq.jobs import Job, State

PAGE = 500
MOST_FUNCTIONS = 10


class Line(Struct, frozen=True, kw_only=True):
    """What became of the jobs of one handler. `retried` counts attempts that failed and were followed by another.

    `seconds` is the time that jobs ran, all added up.
    """

    name: str
    jobs: int
    completed: int
    failed: int
    retried: int
    seconds: float


class Incident(Struct, frozen=True, kw_only=True):
    """A job that did not simply work, with its last error."""

    id: str
    name: str
    attempts: int
    error: str


class LongFunction(Struct, frozen=True, kw_only=True):
    """A function, and where it stands."""

    source: str
    name: str
    line: int
    lines: int


class Drawn(Struct, frozen=True, kw_only=True):
    """A picture of a source, and its thumbnail; both are file names."""

    source: str
    picture: str
    thumbnail: str


class Summary(Struct, frozen=True, kw_only=True):
    """A quickstart's end. `waiting` are jobs that have not ended; `duration` is in seconds."""

    tag: str
    lines: tuple[Line, ...]
    waiting: int
    duration: float
    retried: tuple[Incident, ...]
    failed: tuple[Incident, ...]
    sources: int
    functions: int
    longest: tuple[LongFunction, ...]
    pictures: tuple[Drawn, ...]


def jobs_of(client: Client, tag: str) -> Iterator[Job]:
    """All jobs of one telling, oldest first."""
    found: list[Job] = []
    cursor = None
    while True:
        page = client.list(tag=tag, limit=PAGE, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return reversed(found)


def summarise(jobs: Sequence[Job], *, tag: str, root: Path, duration: float) -> Summary:
    """Sum up; sources are named as seen from `root`."""
    analyses = [job for job in jobs if job.name == "quickstart:analyse" and job.state is State.COMPLETED]
    return Summary(
        tag=tag,
        lines=tuple(_lines(jobs)),
        waiting=sum(not job.state.is_final for job in jobs),
        duration=duration,
        retried=tuple(_incident(job) for job in jobs if job.state is State.COMPLETED and job.errors),
        failed=tuple(_incident(job) for job in jobs if job.state is State.FAILED),
        sources=len(analyses),
        functions=sum(job.result["functions"] for job in analyses),
        longest=tuple(_longest(analyses, root)),
        pictures=tuple(_pictures(jobs, root)),
    )


def total(lines: Iterable[Line]) -> Line:
    """All lines as one."""
    lines = tuple(lines)
    return Line(
        name="all",
        jobs=sum(line.jobs for line in lines),
        completed=sum(line.completed for line in lines),
        failed=sum(line.failed for line in lines),
        retried=sum(line.retried for line in lines),
        seconds=sum(line.seconds for line in lines),
    )


def _lines(jobs: Sequence[Job]) -> Iterator[Line]:
    by_name: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        by_name[job.name].append(job)
    for name, group in sorted(by_name.items()):
        yield Line(
            name=name,
            jobs=len(group),
            completed=sum(job.state is State.COMPLETED for job in group),
            failed=sum(job.state is State.FAILED for job in group),
            retried=sum(max(0, job.attempt - 1) for job in group),
            seconds=sum(_seconds(job) for job in group),
        )


def _seconds(job: Job) -> float:
    if job.started_at is None or job.finished_at is None:
        return 0.0
    return (job.finished_at - job.started_at).total_seconds()


def _incident(job: Job) -> Incident:
    last = job.errors[-1] if job.errors else None
    error = "" if last is None else last.message if last.type == "Discard" else f"{last.type}: {last.message}"
    return Incident(id=job.id, name=job.name, attempts=job.attempt, error=error)


def _longest(analyses: Iterable[Job], root: Path) -> list[LongFunction]:
    found = [
        LongFunction(source=_below(job.payload["path"], root), **job.result["longest"])
        for job in analyses
        if job.result["longest"] is not None
    ]
    return sorted(found, key=attrgetter("lines"), reverse=True)[:MOST_FUNCTIONS]


def _pictures(jobs: Iterable[Job], root: Path) -> Iterator[Drawn]:
    """The pictures whose thumbnails are done, too."""
    done: dict[str, set[Any]] = defaultdict(set)
    drawings = []
    for job in jobs:
        if job.state is State.COMPLETED and "thumbnail" in job.payload:
            done[job.name].add(job.payload["thumbnail"])
            drawings += [job.payload] if job.name == "quickstart:render" else []
    for drawing in drawings:
        if drawing["thumbnail"] in done["quickstart:resize"]:
            source = _below(drawing["source"], root)
            yield Drawn(source=source, picture=drawing["picture"], thumbnail=drawing["thumbnail"])


def _below(path: str, root: Path) -> str:
    return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path
