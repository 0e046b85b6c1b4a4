"""What people see: short, safe whatever the data holds, and whole where nobody is at a terminal."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq.cli import output
from jobq.cli.render.console import make_console
from jobq.cli.render.tables import Cell, Column, print_facts, print_table
from jobq.cli.render.words import ago, one_line, plural, rough, short_id, when
from jobq.jobs import Job, State
from tests.cli.shell import Clerk, Shell

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ESCAPES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
EVIL = "\x1b[2J\x1b]0;pwned\x07 \x9b31m \u202egnp.exe \x00"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def job_in(state: State, **times: datetime) -> Job:
    job = Job(
        id="x", name="a:b", queue="default", state=state, priority=0, attempt=1, max_attempts=3, crashes=0, payload={},
        metadata={}, run_at=NOW, created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    return msgspec.structs.replace(job, **times)


@given(st.text())
def test_no_text_can_drive_a_terminal(text: str) -> None:
    assert ESCAPES.search(output.safe(text)) is None
    assert ESCAPES.search(one_line(text)) is None


@given(
    st.recursive(
        st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
    )
)
def test_no_document_can_either(value: object) -> None:
    assert ESCAPES.search(output.document_text(value)) is None


def test_evil_names_and_errors_arrive_as_what_they_are(shell: Shell, clerk: Clerk) -> None:
    job = shell.enqueue("hello:fail", "--payload", '{"\\u001b[2J": "\\u009b31m"}', "--tag", "\u202egnp")
    clerk.fail("hello:fail", message=EVIL)

    for words in (["jobs", "list"], ["jobs", "show", job], ["failed", "list"], ["jobs", "show", job, "--json"]):
        done = shell(*words)
        assert done.code == 0
        assert ESCAPES.search(done.out.replace("\n", "")) is None
    assert "\\x1b[2J" in shell("failed", "list").out


def table(stream: io.StringIO, columns: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    console = make_console(stream, "never")
    titles = (Column("ID"), Column("NAME", gives=True), Column("N", right=True), Column("ERROR", gives=True))
    rows: list[tuple[str | Cell, ...]] = [
        ("0123456789ab", "a" * 30, "1", "b" * 90),
        ("x", Cell("short", "red"), "23", ""),
    ]
    print_table(console, titles, rows)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_table_on_a_terminal_keeps_to_its_width_and_cuts_what_gives(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = table(Terminal(), columns, monkeypatch)

    assert len(lines) == 3
    assert max(map(len, lines)) <= columns
    assert lines[1].startswith("0123456789ab  a")
    assert ("…" in lines[1]) == (columns < 200)


def test_a_table_in_a_pipe_is_never_cut_and_ends_where_its_text_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = table(io.StringIO(), 40, monkeypatch)

    assert lines[1] == f"0123456789ab  {'a' * 30}   1  {'b' * 90}"
    assert lines == [line.rstrip() for line in lines]


@pytest.mark.parametrize(
    ("stream", "color", "environ", "colored"),
    [
        (Terminal, "auto", {}, True),
        (Terminal, "auto", {"NO_COLOR": "1"}, False),
        (Terminal, "never", {}, False),
        (Terminal, "always", {"NO_COLOR": "1"}, True),
        (io.StringIO, "auto", {}, False),
        (io.StringIO, "always", {}, True),
    ],
)  # fmt: skip
def test_colours_are_for_those_who_can_see_them(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], color: str, environ: dict[str, str], *, colored: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    target = stream()

    print_table(make_console(target, color), [Column("A")], [[Cell("x", "red")]])  # type: ignore[arg-type]

    assert ("\x1b[31m" in target.getvalue()) == colored


def test_markup_in_data_is_data() -> None:
    target = Terminal()

    print_facts(make_console(target, "never"), [("payload", "[red]:smile: [link=http://x]")])

    assert "[red]:smile: [link=http://x]" in target.getvalue()


@pytest.mark.parametrize(
    ("id", "shown"),
    [("018f-short", "018f-short"), ("01a20258-9b74-70df-8998-d42b989a3f36", "d42b989a3f36"), ("x" * 17, "x" * 12)],
)
def test_an_id_shows_its_end(id: str, shown: str) -> None:
    assert short_id(id) == shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.25, "250ms"),
        (1.9, "1s"),
        (59.9, "59s"),
        (60.0, "1m"),
        (3599.0, "59m"),
        (3600.0, "1h"),
        (86400.0 * 3, "3d"),
    ],
)
def test_a_rough_duration_has_one_unit(seconds: float, text: str) -> None:
    assert rough(seconds) == text


def test_times_are_told_from_now() -> None:
    assert ago(NOW - timedelta(seconds=90), NOW) == "1m ago"
    assert ago(NOW + timedelta(hours=2), NOW) == "in 2h"
    assert ago(None, NOW) == "–"


@pytest.mark.parametrize(
    ("job", "text"),
    [
        (job_in(State.SCHEDULED, run_at=NOW + timedelta(minutes=5)), "in 5m"),
        (job_in(State.RETRYING, run_at=NOW + timedelta(seconds=5)), "in 5s"),
        (job_in(State.PENDING, run_at=NOW - timedelta(seconds=5)), "waits 5s"),
        (job_in(State.RUNNING, started_at=NOW - timedelta(seconds=5)), "for 5s"),
        (job_in(State.FAILED, finished_at=NOW - timedelta(days=3)), "3d ago"),
    ],
)  # fmt: skip
def test_each_state_tells_the_time_that_matters(job: Job, text: str) -> None:
    assert when(job, NOW) == text


def test_counts_agree_with_their_noun() -> None:
    assert [plural(count, "job") for count in (0, 1, 2, 1234)] == ["0 jobs", "1 job", "2 jobs", "1,234 jobs"]


def test_everything_about_a_job_is_on_one_page(shell: Shell, clerk: Clerk) -> None:
    job = shell.enqueue("hello:fail", '{"to": "Ada"}', "--tag", "red", "--unique-key", "k", "--meta", "a=b")
    clerk.fail("hello:fail")

    page = shell("jobs", "show", job[-12:]).out

    for text in (
        job,
        "hello:fail",
        "failed (exhausted)",
        "1 of 1",
        '"to": "Ada"',
        "red",
        "unique key",
        '"a": "b"',
        "ValueError: no luck",
    ):
        assert text in page


def test_the_sums_are_tables(shell: Shell, clerk: Clerk) -> None:
    shell.enqueue("hello:fail")
    clerk.fail("hello:fail")
    shell.enqueue("hello:nap")
    leave = clerk.stay("hello:nap")

    stats, queues, workers, health = (
        shell(*words).out for words in (["stats"], ["queues", "list"], ["workers", "list"], ["health"])
    )
    leave()

    assert "1 pending, 1 failed" in stats
    assert queues.split()[:2] == ["QUEUE", "PENDING"]
    assert workers.splitlines()[1].split()[:3] == ["clerk", "running", "here"]
    assert health.startswith("healthy\n")


def test_an_unhealthy_installation_says_why_and_fails(shell: Shell) -> None:
    done = shell("health", "-q")

    assert (done.code, done.out) == (5, "")
    assert done.err.splitlines()[-1] == "problem: no worker is alive"


def test_handlers_are_shown_with_what_holds_where_they_say_nothing(shell: Shell) -> None:
    page = shell("handlers", "show", "hello:greet").out

    assert re.search(r"timeout +10s\n", page)
    assert re.search(r"attempts +\(3\)\n", page)
    assert re.search(r"payload +name: str\n", page)


def test_handlers_of_workers_elsewhere_are_listed_too(shell: Shell, clerk: Clerk) -> None:
    clerk.register("far:away")

    loaded = {item["name"]: item["loaded"] for item in shell("handlers", "list", "--json").document["items"]}

    assert (loaded["far:away"], loaded["hello:greet"]) == (False, True)
