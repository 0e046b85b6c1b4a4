"""What happened, out of jobs as the store gives them."""

from __future__ import annotations

import html
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import jobq
from jobq.client import Client
from jobq.jobs import AttemptError, Job, State
from jobq.quickstart.commands import Commands
from jobq.quickstart.folder import Folder
from jobq.quickstart.page import page_of
from jobq.quickstart.report import Places, advice
from jobq.quickstart.summary import Drawn, Incident, Line, LongFunction, Summary, jobs_of, summarise, total

ROOT = Path("/lib")
START = datetime(2026, 1, 1, tzinfo=UTC)


def make_job(name: str, payload: Any, result: Any = None, **more: Any) -> Job:
    state = more.pop("state", State.COMPLETED)
    return Job(**{
        "id": f"id-of-{name}", "name": name, "queue": "default", "state": state, "priority": 0, "attempt": 1,
        "max_attempts": 3, "crashes": 0, "payload": payload, "result": result, "metadata": {}, "run_at": START,
        "created_at": START, "updated_at": START, "started_at": START, "finished_at": START + timedelta(seconds=2),
        **more,
    })  # fmt: skip


def error(type: str, message: str) -> AttemptError:
    return AttemptError(attempt=1, type=type, message=message, traceback=None, at=START, worker=None)


def analysed(path: str, name: str, lines: int) -> Job:
    result = {"lines": 100, "functions": 3, "longest": {"name": name, "line": 7, "lines": lines}}
    return make_job("quickstart:analyse", {"path": path}, result)


DRAWING = {"source": "/lib/ast.py", "picture": "/q/pictures/ast.png", "thumbnail": "/q/thumbnails/ast.png"}
DELIVERED = make_job("quickstart:deliver", {}, attempt=3, errors=(error("OSError", "a"), error("OSError", "refused")))
MISTAKEN = make_job(
    "quickstart:analyse", {"path": "/q/unfinished.py"}, state=State.FAILED,
    errors=(error("Discard", "'(' was never closed, line 9 of /q/unfinished.py"),), id="0123456789abcdef",
)  # fmt: skip
JOBS = (
    analysed("/lib/ast.py", "parse", 20),
    analysed("/lib/email/x.py", "read", 30),
    make_job("quickstart:analyse", {"path": "/lib/empty.py"}, {"lines": 0, "functions": 0, "longest": None}),
    MISTAKEN,
    DELIVERED,
    make_job("quickstart:render", DRAWING),
    make_job("quickstart:resize", {"picture": DRAWING["picture"], "thumbnail": DRAWING["thumbnail"]}),
)


def summed(*jobs: Job) -> Summary:
    return summarise(jobs, tag="t", root=ROOT, duration=1.5)


def test_jobs_are_counted_by_handler() -> None:
    lines = summed(*JOBS).lines

    assert lines[:2] == (
        Line(name="quickstart:analyse", jobs=4, completed=3, failed=1, retried=0, seconds=8.0),
        Line(name="quickstart:deliver", jobs=1, completed=1, failed=0, retried=2, seconds=2.0),
    )
    assert total(lines) == Line(name="all", jobs=7, completed=6, failed=1, retried=2, seconds=14.0)


def test_the_longest_functions_come_first() -> None:
    summary = summed(*JOBS)

    assert (summary.sources, summary.functions) == (3, 6)
    assert summary.longest == (
        LongFunction(source="email/x.py", name="read", line=7, lines=30),
        LongFunction(source="ast.py", name="parse", line=7, lines=20),
    )


def test_what_did_not_simply_work_is_told_with_its_last_error() -> None:
    summary = summed(*JOBS)

    assert summary.retried == (
        Incident(id="id-of-quickstart:deliver", name="quickstart:deliver", attempts=3, error="OSError: refused"),
    )
    assert [incident.error for incident in summary.failed] == ["'(' was never closed, line 9 of /q/unfinished.py"]


def test_a_picture_counts_when_its_thumbnail_is_done() -> None:
    *others, _ = JOBS

    assert summed(*JOBS).pictures == (Drawn(**(DRAWING | {"source": "ast.py"})),)
    assert summed(*others).pictures == ()


def test_jobs_that_have_not_ended_are_waiting() -> None:
    waiting = make_job("quickstart:analyse", {"path": "/lib/a.py"}, state=State.PENDING, started_at=None, attempt=0)

    summary = summed(waiting)

    assert summary.waiting == 1
    assert summary.lines[0].seconds == 0.0


@given(st.permutations(JOBS))
def test_the_order_of_jobs_does_not_matter_to_the_counts(jobs: list[Job]) -> None:
    assert summed(*jobs).lines == summed(*JOBS).lines


@pytest.fixture
def client() -> Client:
    return jobq.connect("memory://")


def test_all_pages_are_read_and_nobody_elses_jobs(client: Client) -> None:
    mine = client.enqueue_many({"name": "a", "tags": ["mine"]} for _ in range(1201))
    client.enqueue("a", tags=["others"])

    assert [job.id for job in jobs_of(client, "mine")] == [inserted.id for inserted in mine]


PLACES = Places(folder="q", page="q/index.html", unfinished="q/unfinished.py")


def advised(summary: Summary) -> list[tuple[str, ...]]:
    commands = Commands(Folder(Path("/q")), Path("/"), ["jobq"], {})
    return [step.commands for step in advice(summary, commands, PLACES)]


def test_the_advice_leads_to_what_happened() -> None:
    assert advised(summed(*JOBS)) == [
        ("jobq failed list --config q/jobq.toml",),
        ("jobq jobs show tart:deliver --config q/jobq.toml",),
        ("jobq stats --config q/jobq.toml",),
        ("jobq retry 456789abcdef --config q/jobq.toml", "jobq worker --drain --config q/jobq.toml"),
        ("jobq init",),
    ]


def test_there_is_no_advice_about_what_did_not_happen() -> None:
    assert advised(summed(JOBS[0])) == [("jobq stats --config q/jobq.toml",), ("jobq init",)]


def test_the_advice_for_an_early_end_is_to_go_on() -> None:
    waiting = make_job("quickstart:analyse", {"path": "/lib/a.py"}, state=State.PENDING)

    assert advised(summed(waiting))[0] == ("jobq worker --drain --config q/jobq.toml",)


def test_the_page_shows_the_pictures_and_the_longest_functions() -> None:
    page = page_of(summed(*JOBS), Path("/q"))

    assert '<a href="pictures/ast.png"><img src="thumbnails/ast.png"' in page
    assert "<td>30 lines</td><td>read</td><td>email/x.py:7</td>" in page
    assert "http" not in page


def test_odd_file_names_do_no_harm_to_the_page() -> None:
    name = '/q/thumbnails/<b>"&#?.png'
    drawn = Drawn(source="<script>", picture=name, thumbnail=name)
    summary = Summary(
        tag="t", lines=(), waiting=0, duration=0, retried=(), failed=(), sources=1, functions=0, longest=(),
        pictures=(drawn,),
    )  # fmt: skip

    page = page_of(summary, Path("/q"))

    assert "<script>" not in page
    assert html.escape("thumbnails/%3Cb%3E%22%26%23%3F.png") in page
