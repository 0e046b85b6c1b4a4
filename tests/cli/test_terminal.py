"""At a terminal: questions, colours, progress; beside one: pipes that close, signals, other locales."""

from __future__ import annotations

import json
import signal

import pytest

from tests.cli.shell import Clerk, Shell
from tests.cli.terminal import Terminal


@pytest.mark.parametrize(
    ("answer", "code", "state"), [("y\n", 0, "cancelled"), ("n\n", 2, "pending"), ("\n", 2, "pending")]
)
def test_before_a_crowd_is_changed_somebody_is_asked(shell: Shell, answer: str, code: int, state: str) -> None:
    job = shell.enqueue("hello:fail")

    with Terminal(shell.folder, "jobs", "cancel", "--name", "hello:*") as terminal:
        terminal.until("cancel 1 job? [y/N] ")
        terminal.type(answer)
        assert terminal.end() == code

    assert shell("jobs", "show", job, "--json").document["state"] == state


def test_a_list_is_coloured_and_fits(shell: Shell, clerk: Clerk) -> None:
    shell.enqueue("hello:fail", "--queue", "a-queue-with-a-rather-long-name")
    clerk.fail("hello:fail", message="something went wrong in a way that takes many words to tell " * 3)

    with Terminal(shell.folder, "jobs", "list") as terminal:
        assert terminal.end() == 0

    assert "\x1b[31mfailed" in terminal.shown
    assert max(len(line) for line in terminal.plain.splitlines()) <= 80
    assert "…" in terminal.plain


def test_json_at_a_terminal_is_indented_and_still_one_document(shell: Shell) -> None:
    with Terminal(shell.folder, "stats", "--json") as terminal:
        assert terminal.end() == 0

    text = terminal.plain
    assert json.loads(text[text.index("{") :])["workers"] == 0
    assert '\n  "window": 3600.0' in text


def test_long_work_shows_a_bar_and_leaves_only_its_sum(shell: Shell) -> None:
    shell.write("jobs.jsonl", '{"name": "hello:fail"}\n' * 3000)

    with Terminal(shell.folder, "enqueue", "--from", "jobs.jsonl", "--chunk", "100") as terminal:
        assert terminal.end() == 0

    assert "100%" in terminal.plain
    assert terminal.plain.rstrip().endswith("3,000 jobs put in line")


def test_waiting_shows_a_sign_of_life(shell: Shell) -> None:
    job = shell.enqueue("hello:fail")

    with Terminal(shell.folder, "jobs", "wait", job, "--timeout", "0.5s") as terminal:
        terminal.until(f"waiting for {job}")
        assert terminal.end() == 75


def test_a_drain_counts_while_it_runs(shell: Shell) -> None:
    shell.enqueue("hello:nap", "-a", "seconds:=1")

    with Terminal(shell.folder, "worker", "--drain", "--processes", "1") as terminal:
        terminal.until("0 completed · 0 failed · 0 retried")
        assert terminal.end() == 0

    assert "1 attempt in 1" in terminal.plain


def test_a_worker_at_a_terminal_says_how_to_force_it(shell: Shell) -> None:
    with Terminal(shell.folder, "worker", "--processes", "1") as terminal:
        terminal.until("worker.started")
        terminal.interrupt()
        assert terminal.end() == 0

    assert "press Ctrl-C again to force" in terminal.plain


def test_a_reader_that_leaves_ends_the_command_quietly(shell: Shell) -> None:
    for _ in range(3):
        shell("enqueue", "--from", "-", stdin='{"name": "hello:fail"}\n' * 3000)

    with shell.start("jobs", "list", "--limit", "9000", "--json") as process:
        assert process.stdout is not None
        process.stdout.read(10)
        process.stdout.close()
        code = process.wait(30)
        told = process.stderr.read() if process.stderr is not None else ""

    assert (code, told) == (141, "")


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "SIGTERM")]
)
def test_a_signal_ends_a_command_with_its_exit_code(shell: Shell, number: signal.Signals, code: int, word: str) -> None:
    job = shell.enqueue("hello:fail")
    shell.set(JOBQ_PLUGIN_DIR="")

    with shell.start("jobs", "wait", job) as process:
        assert process.stderr is not None
        process.stderr.readline()  # no worker is alive: it waits
        process.send_signal(number)
        _, told = process.communicate(timeout=20)

    assert process.returncode == code
    assert word in told


def test_a_locale_that_cannot_write_a_character_costs_nothing(shell: Shell) -> None:
    shell.enqueue("hello:fail", "-a", "tag=füße")

    plain = shell.spawn("jobs", "list", "--json", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    people = shell.spawn("jobs", "show", plain.document["items"][0]["id"], PYTHONIOENCODING="ascii", PYTHONUTF8="0")

    assert plain.document["items"][0]["payload"] == {"tag": "füße"}
    assert "f\\xfc\\xdfe" in people.out


def test_the_installed_program_and_the_module_are_the_same(shell: Shell) -> None:
    from importlib.metadata import entry_points

    import jobq.cli

    installed = [entry for entry in entry_points(group="console_scripts") if entry.name == "jobq"]

    assert all(entry.load() is jobq.cli.main for entry in installed)
    assert shell.spawn("--version").out == f"jobq {jobq.__version__}\n"


def test_tab_knows_commands_options_states_names_and_queues(shell: Shell, clerk: Clerk) -> None:
    clerk.register("hello:fail")
    shell.enqueue("hello:fail", "--queue", "bulk")

    def completions(line: str) -> list[str]:
        return shell.spawn(
            _JOBQ_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(line.split(" ")) - 1)
        ).out.split()  # fmt: skip

    assert completions("jobq wor") == ["worker", "workers"]
    assert completions("jobq jobs ") == ["list", "show", "wait", "cancel", "retry"]
    assert completions("jobq jobs list --st") == ["--state"]
    assert completions("jobq jobs list --state f") == ["failed"]
    assert completions("jobq enqueue hello:f") == ["hello:fail"]
    assert completions("jobq jobs list --queue ") == ["bulk"]
    assert completions("jobq --dsn nonsense jobs list --queue ") == []
