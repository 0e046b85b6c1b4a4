"""Rows and columns without frames."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from jobq.cli.output import safe

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_GAP = (0, 2, 0, 0)
_BLANKS = re.compile(r" +(?=\n)")


class Column(NamedTuple):
    """A column. One that `gives` is cut first when the line is too long; `right` aligns figures."""

    title: str
    gives: bool = False
    right: bool = False


class Cell(NamedTuple):
    """A text in a colour."""

    text: str
    style: str = ""


def print_table(console: Console, columns: Sequence[Column], rows: Iterable[Sequence[str | Cell]]) -> None:
    """Print a table; cells are made safe here, and cut with an ellipsis where a terminal is too narrow."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=_GAP, header_style="bold", show_edge=False)
    for column in columns:
        # rich narrows columns that may wrap before others; no cell ever does.
        table.add_column(column.title, justify="right" if column.right else "left", no_wrap=not column.gives)
    for row in rows:
        table.add_row(*(_text(cell, in_one_line=True) for cell in row))
    _print(console, table)


def print_facts(console: Console, facts: Iterable[tuple[str, str | Cell]]) -> None:
    """Print names and values, one pair a line; values may have several lines and are never cut."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=_GAP, show_header=False, show_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, _text(value))
    _print(console, table)


def print_heading(console: Console, text: str) -> None:
    """Print the title of a part."""
    from rich.text import Text

    console.print(Text(f"\n{safe(text)}", style="bold"))


def _print(console: Console, table: Table) -> None:
    """Print without the blanks with which rich fills up every line."""
    with console.capture() as captured:
        console.print(table)
    console.file.write(_BLANKS.sub("", captured.get()))


def _text(cell: str | Cell, *, in_one_line: bool = False) -> Text:
    from rich.text import Text

    text, style = cell if isinstance(cell, Cell) else (cell, "")
    if in_one_line:
        return Text(safe(" ".join(text.split())), style=style, no_wrap=True, overflow="ellipsis")
    return Text(safe(text), style=style)
