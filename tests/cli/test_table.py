"""Every command says what it does, in the table, on its page, and at 80 columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_group

from jobq.cli.command import load
from jobq.cli.options import Given, parameters_of
from jobq.cli.table import MEANT, TABLE, Entry
from tests.cli.shell import Shell

SHORT = [entry for entry in TABLE if entry.section == "Short forms"]
PLUGIN = """
def jobq_cli(app):
    @app.command()
    def sing(loud: bool = False):
        print("LA" if loud else "la")
"""
OWN = [entry for entry in TABLE if entry not in SHORT]


def pages() -> Iterator[list[str]]:
    """The words of every page of help."""
    yield []
    for entry in TABLE:
        yield [entry.name]
        yield from ([entry.name, name] for name in getattr(load(entry), "commands", {}))


def named(words: Any) -> str:
    return words.name if isinstance(words, Entry) else " ".join(words) or "jobq"


@pytest.mark.parametrize("entry", OWN, ids=named)
def test_the_table_says_what_the_command_itself_says(entry: Entry) -> None:
    assert load(entry).help.partition("\n")[0] == entry.help


@pytest.mark.parametrize(
    ("short", "long"), [("inspect", ["jobs", "show"]), ("retry", ["jobs", "retry"]), ("status", ["stats"])]
)
def test_a_short_form_is_the_same_command(shell: Shell, short: str, long: list[str]) -> None:
    entry = next(entry for entry in TABLE if entry.name == short)

    pages = [shell(*words, "--help").out.replace(f"jobq {' '.join(words)} [", "") for words in ([short], long)]

    assert entry.help == f"The same as jobq {' '.join(long)}."
    assert without_variables(pages[0]) == without_variables(pages[1])


def without_variables(page: str) -> str:
    """A page of help but for the environment variables, which bear the command's name."""
    return " ".join(re.sub(r"\[\$\w+\]", "", page).split())


@pytest.mark.parametrize("words", [*pages()], ids=named)
def test_a_page_of_help_fits_into_80_columns_and_begins_with_its_use(shell: Shell, words: list[str]) -> None:
    done = shell(*words, "--help")

    assert done.code == 0
    assert done.err == ""
    assert done.lines[0].startswith(" ".join(["Usage: jobq", *words]))
    assert max(map(len, done.lines)) <= 80


@pytest.mark.parametrize("words", [words for words in pages() if words], ids=named)
def test_every_option_of_a_command_names_its_environment_variable(shell: Shell, words: list[str]) -> None:
    listed = " ".join(shell(*words, "--help").out.split())
    command = load(next(entry for entry in TABLE if entry.name == words[0]))
    for word in words[1:]:
        command = command.commands[word]
    shared = parameters_of(command.options) if getattr(command, "options", None) else ()
    options = [option for option in (*command.params, *shared) if option.param_type_name == "option"]

    for option in options:
        variable = option.envvar or f"JOBQ_{'_'.join(words)}_{option.name}".upper()
        assert variable.startswith(f"JOBQ_{'_'.join(words).upper()}_")
        assert f"[${variable}]" in listed or option.name in command.unlisted


def test_every_global_option_but_help_and_version_names_its_environment_variable(shell: Shell) -> None:
    listed = " ".join(shell("--help").out.split())

    for option in parameters_of(Given):
        assert option.name == "version" or f"[$JOBQ_{option.name.upper()}]" in listed


def test_jobq_alone_is_its_first_page(shell: Shell) -> None:
    assert shell() == shell("--help")


def test_help_is_a_command_too(shell: Shell) -> None:
    assert shell("help", "jobs", "list") == shell("jobs", "list", "--help")


@pytest.mark.parametrize("word", sorted(MEANT))
def test_the_words_of_other_systems_lead_somewhere(shell: Shell, word: str) -> None:
    done = shell(word)

    assert done.code == 2
    assert done.err == f"error: there is no command '{word}'\nhint: did you mean {MEANT[word]}?\n"
    assert shell(*MEANT[word].split(), "--help").code == 0


def test_a_plugin_may_bring_commands(shell: Shell) -> None:
    shell.write(
        "plugins/more.py",
        PLUGIN,
    )

    assert shell("sing", "--loud").out == "LA\n"


def test_groups_take_all_of_their_commands_from_their_module() -> None:
    from jobq.cli import jobs

    assert list(get_group(jobs.app).commands) == ["list", "show", "wait", "cancel", "retry"]
