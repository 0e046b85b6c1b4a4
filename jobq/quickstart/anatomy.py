"""What a Python source is made of: lines, functions, and the longest of them.

Pure: text in, facts out. The syntax tree counts, not a pattern for `def`, so that a function inside a string is none.
"""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct


class Function(Struct, frozen=True, kw_only=True):
    """A function: its name with what it is nested in, where its `def` stands, and how many lines it spans."""

    name: str
    line: int
    lines: int


class Anatomy(Struct, frozen=True, kw_only=True):
    """The facts about one source. `longest` is None when it has no function."""

    lines: int
    functions: int
    longest: Function | None


def read_source(path: Path) -> str:
    """Return a source's text in the encoding that it declares; raises `SyntaxError` or `ValueError` if it has none."""
    with tokenize.open(path) as file:
        return file.read()


def lines_of(text: str) -> list[str]:
    """Return a source's lines as Python counts them: other characters that break lines may stand in a string."""
    return text.removesuffix("\n").split("\n")


def anatomy_of(text: str, name: str = "<source>") -> Anatomy:
    """Take a source apart; raises `SyntaxError` that says `name`, or `ValueError` for a NUL in it."""
    functions = list(_functions(ast.parse(text, name)))
    return Anatomy(
        lines=len(lines_of(text)) if text else 0,
        functions=len(functions),
        longest=max(functions, key=lambda function: (function.lines, -function.line), default=None),
    )


def _functions(tree: ast.Module) -> Iterator[Function]:
    """Every function, in no order. A stack of our own: an expression may be nested deeper than Python recurses."""
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, prefix = waiting.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                last = node.end_lineno or node.lineno
                yield Function(name=prefix + name, line=node.lineno, lines=last - node.lineno + 1)
                prefix = f"{prefix}{name}."
            case ast.ClassDef(name=name):
                prefix = f"{prefix}{name}."
            case _:
                pass
        waiting.extend((child, prefix) for child in ast.iter_child_nodes(node))
