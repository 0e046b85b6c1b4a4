"""Habits that keep themselves: what a review would have to say again and again."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 50
MADE_HERE = {"jobq-quickstart"}  # what `make quickstart` leaves for its user to look at
TOP_LEVEL = {
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "config.example.toml",
    "docs",
    "jobq",
    "plugins",
    "pyproject.toml",
    "systemd",
    "tests",
}
# Reading these runs whatever somebody wrote into them.
UNSAFE_MODULES = {"dill", "marshal", "pickle", "shelve"}
UNSAFE_CALLS = {"eval", "exec", "os.popen", "os.system"}
PRODUCT = sorted((ROOT / "jobq").rglob("*.py"))
TESTS = sorted([*(ROOT / "tests").rglob("*.py"), *(ROOT / "plugins").glob("*/tests/**/*.py")])
# These run only when asked for, and pace a load by the clock.
PACED = {"bench", "chaos", "soak"}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield what is imported, as dotted names."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (f"{module}.{alias.name}" for alias in names)


def calls(tree: ast.AST) -> Iterator[str]:
    """Yield what is called, as it is written: `eval`, `os.system`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield ast.unparse(node.func)


def sleeps(tree: ast.AST) -> bool:
    return "time.sleep" in {*calls(tree), *imports(tree)}


def unsafe(tree: ast.AST) -> set[str]:
    roots = {name.split(".")[0] for name in imports(tree)}
    return (UNSAFE_MODULES & roots) | (UNSAFE_CALLS & {*calls(tree), *imports(tree)})


def long_functions(tree: ast.AST) -> list[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    sizes = {node.name: (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions}
    return [f"{name}: {size} lines" for name, size in sizes.items() if size > MOST_LINES_OF_A_FUNCTION]


@pytest.mark.parametrize("path", PRODUCT, ids=named)
def test_a_module_is_small_safe_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()

    tree, lines = ast.parse(text), len(text.splitlines())

    assert ast.get_docstring(tree), "begins with a docstring"
    assert lines <= MOST_LINES_OF_A_FILE
    assert long_functions(tree) == []
    assert unsafe(tree) == set()


@pytest.mark.parametrize("path", [path for path in TESTS if not PACED & set(path.parts)], ids=named)
def test_a_test_waits_for_events_and_not_for_the_clock(path: Path) -> None:
    assert not sleeps(ast.parse(path.read_text()))


def test_the_top_level_stays_as_it_is() -> None:
    entries = {path.name for path in ROOT.iterdir() if not path.name.startswith((".", "__"))}

    assert entries - MADE_HERE <= TOP_LEVEL


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pickle", {"pickle"}),
        ("from pickle import loads", {"pickle"}),
        ("import os\nos.system('x')", {"os.system"}),
        ("from os import system", {"os.system"}),
        ("eval('1')", {"eval"}),
        ("import re\nre.compile('eval(')\nmodel.eval()", set()),
    ],
)
def test_unsafe_code_is_recognised(source: str, found: set[str]) -> None:
    assert unsafe(ast.parse(source)) == found


@pytest.mark.parametrize("source", ["import time\ntime.sleep(1)", "from time import sleep\nsleep(1)"])
def test_a_sleep_is_recognised(source: str) -> None:
    assert sleeps(ast.parse(source))


def test_a_long_function_is_recognised() -> None:
    body = "    pass\n" * MOST_LINES_OF_A_FUNCTION

    assert long_functions(ast.parse(f"def f():\n{body}")) == [f"f: {MOST_LINES_OF_A_FUNCTION + 1} lines"]
