"""How fast a command begins: what it imports, and how that compares."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.shell import Shell

BARE = """
import typer
app = typer.Typer()
@app.command()
def hello(name: str):
    "Say hello."
@app.command()
def bye(name: str):
    "Say goodbye."
app()
"""
ROUNDS = 5
MOST = 1.4
HEAVY = {"boto3", "click", "croniter", "jinja2", "psycopg", "pydantic", "rich", "starlette", "structlog"}


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *command, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def test_help_takes_hardly_longer_than_that_of_a_bare_typer_program(shell: Shell, tmp_path: Path) -> None:
    bare = str(shell.write("bare.py", BARE))

    pairs = [(seconds(["-m", "jobq"]), seconds([bare])) for _ in range(ROUNDS)]

    ours, theirs = (min(column) for column in zip(*pairs, strict=True))
    assert ours / theirs <= MOST


def imported_by(*words: str) -> set[str]:
    """The packages that a command imports, by their first name."""
    script = "import sys; from jobq.cli import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script, *words], check=True, capture_output=True, text=True)
    return {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}


@pytest.mark.parametrize("words", [["--help"], ["--version"]], ids=" ".join)
def test_the_first_page_imports_next_to_nothing(shell: Shell, words: list[str]) -> None:
    assert imported_by(*words) & {*HEAVY, "asyncio", "msgspec"} == set()


@pytest.mark.parametrize(
    "words",
    [["jobs"], ["nosuchcommand"], ["jobs", "list", "-q"], ["stats", "--json"], ["jobs", "show", "x"], ["health", "-q"]],
    ids=" ".join,
)
def test_what_shows_no_table_imports_no_library_for_it(shell: Shell, words: list[str]) -> None:
    assert imported_by(*words) & HEAVY == set()
