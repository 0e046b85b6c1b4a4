"""What a quickstart says: what it is about to do, what happened, and where to look next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from jobq.quickstart.commands import Commands
from jobq.quickstart.plan import Plan
from jobq.quickstart.summary import Incident, Line, Summary, total

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

SHORT = 12


class Advice(Struct, frozen=True, kw_only=True):
    """What one may want to do next, and the commands for it."""

    text: str
    commands: tuple[str, ...]


class Places(Struct, frozen=True, kw_only=True):
    """Where the folder, the page and the source with a mistake are, as one would type it."""

    folder: str
    page: str
    unfinished: str


def introduction(plan: Plan, places: Places) -> str:
    """What is about to happen."""
    return (
        f"{plan.jobs} jobs in {places.folder}:\n\n"
        f"  {len(plan.sources)} sources of this Python's own library to take apart,\n"
        f"  the {len(plan.drawn)} largest of them to draw, and each picture to make smaller,\n"
        f"  one message for a service that is down, and one source with a mistake.\n"
    )


def advice(summary: Summary, commands: Commands, places: Places) -> tuple[Advice, ...]:
    """Where to look next: each command works as it is printed."""
    return tuple(_advice(summary, commands, places))


def _advice(summary: Summary, commands: Commands, places: Places) -> Iterator[Advice]:
    on_store = commands.on_store
    if summary.waiting:
        yield Advice(text="finish what is still in line", commands=(on_store("worker", "--drain"),))
    if summary.failed:
        yield Advice(text="what failed for good, and why", commands=(on_store("failed", "list"),))
    for incident in summary.retried[:1]:
        yield Advice(
            text="one that failed at first, with its history", commands=(on_store("jobs", "show", _short(incident)),)
        )
    yield Advice(text="how long jobs took", commands=(on_store("stats"),))
    for incident in [incident for incident in summary.failed if incident.error.endswith("/unfinished.py")]:
        yield Advice(
            text=f"close the bracket in {places.unfinished}, and run that job again",
            commands=(on_store("retry", _short(incident)), on_store("worker", "--drain")),
        )
    yield Advice(text="begin with handlers of your own", commands=(commands.anywhere("init"),))


def _short(incident: Incident) -> str:
    """An id as the tables show it: its end."""
    return incident.id[-SHORT:]


def print_report(summary: Summary, next_steps: Sequence[Advice], places: Places, console: Console) -> None:
    """Print the table, the findings and the advice."""
    from rich.text import Text

    console.print(_table(summary.lines))
    console.print()
    for word, text, colour in _findings(summary, places):
        console.print(Text.assemble((f"{word:<9}", colour), text), soft_wrap=True)
    console.print("\nWhere to look next", style="bold")
    for step in next_steps:
        console.print(f"  {step.text}", soft_wrap=True)
        for command in step.commands:
            console.print(f"    {command}", style="cyan", soft_wrap=True)


def _table(lines: Sequence[Line]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_footer=True, padding=(0, 2, 0, 0))
    whole = total(lines)
    table.add_column("handler", footer=whole.name)
    for name, footer in zip(("jobs", "completed", "failed", "retried", "seconds"), _cells(whole), strict=True):
        table.add_column(name, footer=footer, justify="right")
    for line in lines:
        table.add_row(line.name, *_cells(line))
    return table


def _cells(line: Line) -> list[Text]:
    from rich.text import Text

    return [
        Text(str(line.jobs)),
        Text(str(line.completed)),
        Text(str(line.failed), style="red" if line.failed else ""),
        Text(str(line.retried), style="yellow" if line.retried else ""),
        Text(f"{line.seconds:.2f}"),
    ]


def _findings(summary: Summary, places: Places) -> Iterator[tuple[str, str, str]]:
    """A word, a sentence and a colour for everything worth telling."""
    whole = total(summary.lines)
    yield "done", f"{whole.completed + whole.failed} jobs in {summary.duration:.1f} s", "green"
    for longest in summary.longest[:1]:
        text = f"{longest.name} is the longest of {summary.functions} functions: {longest.lines} lines"
        yield "found", f"{text}, {longest.source}:{longest.line}", ""
    for incident in summary.retried[:1]:
        yield "retried", f"{incident.error}; then it worked", "yellow"
    for incident in summary.failed[:1]:
        more = f" (and {len(summary.failed) - 1} more)" if len(summary.failed) > 1 else ""
        yield "failed", f"{incident.error}{more}", "red"
    if summary.waiting:
        yield "waiting", f"{summary.waiting} jobs: the worker was stopped before their turn", "yellow"
    if summary.pictures:
        yield "drawn", f"{len(summary.pictures)} pictures, all on one page: {places.page}", ""
