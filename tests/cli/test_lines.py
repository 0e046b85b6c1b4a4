"""A file of jobs: in chunks, with the first bad line named, and going on where the last run stopped."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobq.app import make_client
from jobq.cli.place import SUFFIX, Line, Place
from jobq.config import load_config
from jobq.drivers.sqlite import open_sqlite
from tests.cli.shell import Clerk, Shell

GOOD = {"name": "hello:fail", "payload": {"why": "because"}}


def lines_of(count: int, **bad: str) -> str:
    """That many lines; `line_3="…"` replaces the third."""
    rows = [json.dumps({**GOOD, "payload": {"i": i}}) for i in range(count)]
    for name, text in bad.items():
        rows[int(name.removeprefix("line_")) - 1] = text
    return "\n".join(rows) + "\n"


def test_every_line_becomes_a_job(shell: Shell) -> None:
    shell.write("jobs.jsonl", lines_of(25))

    done = shell("enqueue", "--from", "jobs.jsonl", "--chunk", "10", "--json")

    assert done.document == {"enqueued": 25, "deduplicated": 0, "checked": 25}
    payloads = [job["payload"]["i"] for job in shell("jobs", "list", "--json").document["items"]]
    assert payloads == list(range(24, -1, -1))
    assert not (shell.folder / f"jobs.jsonl{SUFFIX}").exists()


def test_a_line_may_say_everything_that_an_enqueue_may(shell: Shell) -> None:
    row = {
        **GOOD,
        "queue": "bulk",
        "priority": "high",
        "delay": "1h",
        "tags": ["a"],
        "unique_key": "k",
        "metadata": {"x": 1},
    }
    shell.write("jobs.jsonl", f"\ufeff\n{json.dumps(row)}\r\n\n{json.dumps(row)}")

    done = shell("enqueue", "--from", "jobs.jsonl")

    assert done.out == "1 job put in line; there before: 1\n"
    (job,) = shell("jobs", "list", "--json").document["items"]
    assert (job["queue"], job["priority"], job["tags"], job["state"]) == ("bulk", -10, ["a"], "scheduled")


def test_lines_come_from_standard_input_and_ids_go_to_standard_output(shell: Shell) -> None:
    done = shell("enqueue", "--from", "-", "-q", stdin=lines_of(3))

    assert done.lines == shell("jobs", "list", "-q").lines[::-1]
    assert shell("enqueue", "--from", "-", "--resume").code == 2


@pytest.mark.parametrize(
    ("bad", "code", "problem"),
    [
        ("{", 65, "the line is not JSON at column 2"),
        ("[]", 65, "a job is an object, not list"),
        ('{"name": "hello:fail", "qeue": "x"}', 65, "unknown key 'qeue' in a job"),
        ('{"payload": {}}', 65, "a job has no name"),
        ('{"name": "two words"}', 65, "is not of the form namespace:action"),
        ('{"name": "hello:fail", "payload": {"a": 1, "a": 2}}', 65, "the key 'a' appears twice"),
        ('{"name": "hello:fail", "delay": "soon"}', 65, "delay 'soon' is not a duration"),
        ('{"name": "hello:greet", "payload": {}}', 65, "payload does not fit Greeting: $.name: missing"),
        ('{"name": "no:such"}', 3, "no handler for no:such"),
        ('"\udcff"', 65, "is not UTF-8 at byte 1"),
    ],
)  # fmt: skip
def test_the_first_bad_line_is_named_and_ends_the_run_before_its_chunk(
    shell: Shell, clerk: Clerk, bad: str, code: int, problem: str
) -> None:
    clerk.register("hello:fail", "hello:greet")
    shell.write("jobs.jsonl", lines_of(25, line_16=bad, line_17="worse").encode(errors="surrogateescape"))

    done = shell("enqueue", "--from", "jobs.jsonl", "--chunk", "10", "--json")

    assert (done.code, done.document["exit_code"]) == (code, code)
    assert done.document["error"]["message"].startswith("jobs.jsonl:16: ")
    assert problem in done.document["error"]["message"]
    assert "lines 1 to 10 are in line, nothing after them" in done.err
    assert len(shell("jobs", "list", "-q").lines) == 10


def test_a_bad_first_chunk_puts_nothing_in_line(shell: Shell) -> None:
    shell.write("jobs.jsonl", lines_of(5, line_5="{"))

    done = shell("enqueue", "--from", "jobs.jsonl")

    assert (done.code, shell("jobs", "list", "-q").lines) == (65, [])
    assert "nothing was put in line" in done.err


def test_what_the_store_refuses_names_the_lines_of_its_chunk(shell: Shell) -> None:
    row = json.dumps({**GOOD, "unique_key": "k", "on_conflict": "raise"})
    shell.write("jobs.jsonl", lines_of(5, line_3=row, line_5=row))

    done = shell("enqueue", "--from", "jobs.jsonl", "--chunk", "2")

    assert done.code == 4
    assert "error: jobs.jsonl:5-5: the unique key 'k'" in done.err
    assert len(shell("jobs", "list", "-q").lines) == 4


def test_a_corrected_file_goes_on_after_the_last_chunk(shell: Shell) -> None:
    shell.write("jobs.jsonl", lines_of(25, line_16="{"))
    shell("enqueue", "--from", "jobs.jsonl", "--chunk", "10")
    shell.write("jobs.jsonl", lines_of(25))

    done = shell("enqueue", "--from", "jobs.jsonl", "--chunk", "10", "--resume", "--json")

    assert done.document == {"enqueued": 15, "deduplicated": 0, "checked": 15}
    assert "going on after line 10" in done.err
    assert sorted(job["payload"]["i"] for job in shell("jobs", "list", "--json").document["items"]) == [*range(25)]


def test_without_resume_an_earlier_run_is_mentioned(shell: Shell) -> None:
    shell.write("jobs.jsonl", lines_of(25, line_16="{"))
    shell("enqueue", "--from", "jobs.jsonl", "--chunk", "10")
    shell.write("jobs.jsonl", lines_of(25))

    done = shell("enqueue", "--from", "jobs.jsonl", "--json")

    assert "an earlier run put lines 1 to 10 in line; --resume would go on after them" in done.err
    assert done.document["enqueued"] == 25


def test_a_file_that_has_changed_where_it_was_sent_cannot_be_resumed(shell: Shell) -> None:
    shell.write("jobs.jsonl", lines_of(25, line_16="{"))
    shell("enqueue", "--from", "jobs.jsonl", "--chunk", "10")
    shell.write("jobs.jsonl", lines_of(25, line_3=json.dumps(GOOD)))

    done = shell("enqueue", "--from", "jobs.jsonl", "--resume")

    assert done.code == 4
    assert "has changed in its first 10 lines" in done.err
    assert len(shell("jobs", "list", "-q").lines) == 10


def test_resuming_what_never_began_begins(shell: Shell) -> None:
    shell.write("jobs.jsonl", lines_of(3))

    assert shell("enqueue", "--from", "jobs.jsonl", "--resume").out == "3 jobs put in line\n"


def test_a_dry_run_reads_everything_and_sends_nothing(shell: Shell) -> None:
    shell.write("jobs.jsonl", lines_of(5))
    shell.write("bad.jsonl", lines_of(5, line_5="{"))

    good, bad = (shell("enqueue", "--from", name, "--dry-run") for name in ("jobs.jsonl", "bad.jsonl"))

    assert (good.out, bad.code) == ("5 jobs could be put in line\n", 65)
    assert shell("jobs", "list", "-q").lines == []


def test_what_belongs_into_the_lines_is_refused_beside_them(shell: Shell) -> None:
    shell.write("jobs.jsonl", lines_of(1))

    for words in (["hello:fail"], ["--queue", "x"], ["-a", "x=1"], ["--wait"]):
        done = shell("enqueue", "--from", "jobs.jsonl", *words)
        assert (done.code, "has no place beside it" in done.err) == (2, True)


class TestPlace:
    """What is kept beside a file, also when a run dies at the worst moment."""

    LINE = Line(1, 4, b"one\n", b"one\n")

    @pytest.fixture
    def client(self, shell: Shell) -> Any:
        with closing(open_sqlite(Path(shell.dsn.removeprefix("sqlite://")))) as driver:
            yield make_client(driver, load_config(dsn=shell.dsn))

    def test_a_chunk_that_was_sent_and_never_confirmed_is_found_in_the_store(self, shell: Shell, client: Any) -> None:
        path = shell.write("f", b"one\ntwo\n")
        job = client.enqueue("a:b")
        Place(str(path)).intend([self.LINE], ["no-such-id", job.id])

        later = Place(str(path))
        with path.open("rb") as file:
            later.resume(file, client)
            assert file.read() == b"two\n"

        assert (later.done.line, later.done.offset) == (1, 4)

    def test_a_chunk_that_never_arrived_is_sent_again(self, shell: Shell, client: Any) -> None:
        path = shell.write("f", b"one\ntwo\n")
        Place(str(path)).intend([self.LINE], ["no-such-id"])

        later = Place(str(path))
        with path.open("rb") as file:
            later.resume(file, client)
            assert file.read() == b"one\ntwo\n"

    def test_a_folder_that_cannot_be_written_is_said_and_goes_on(self, shell: Shell) -> None:
        path = shell.write("folder/f", b"one\n")
        place = Place(str(path.parent / "missing" / "f"))

        place.intend([self.LINE], [])

        assert "--resume will not work" in (place.problem or "")
        assert not place.can_resume

    def test_a_note_that_cannot_be_understood_is_named(self, shell: Shell) -> None:
        shell.write("jobs.jsonl", lines_of(1))
        shell.write(f"jobs.jsonl{SUFFIX}", "{}")

        done = shell("enqueue", "--from", "jobs.jsonl", "--resume")

        assert (done.code, f"jobs.jsonl{SUFFIX} cannot be understood" in done.err) == (4, True)
