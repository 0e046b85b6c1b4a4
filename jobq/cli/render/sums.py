"""What stats and health look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobq.cli.render.others import print_queues
from jobq.cli.render.tables import Cell, Column, print_facts, print_heading, print_table
from jobq.cli.render.words import STYLES, exact, number, plural
from jobq.jobs import NameStats, State
from jobq.reports import Health, Stats
from jobq.worker.tally import Tally

if TYPE_CHECKING:
    from rich.console import Console

_NAMES = (
    Column("NAME", gives=True),
    Column("COMPLETED", right=True),
    Column("FAILED", right=True),
    Column("CANCELLED", right=True),
    Column("AVERAGE", right=True),
    Column("P95", right=True),
)


def print_stats(console: Console, stats: Stats) -> None:
    """How things stand, and what happened in the window."""
    print_facts(console, [("workers", number(stats.workers)), ("jobs", _by_state(stats.jobs))])
    if stats.queues:
        print_heading(console, "queues now")
        print_queues(console, stats)
    print_heading(console, f"ended in the last {exact(stats.window)}: {stats.throughput:.3g} jobs/s")
    if stats.names:
        print_table(console, _NAMES, map(_name_row, stats.names))
    else:
        console.print("nothing", style="dim")


def print_health(console: Console, health: Health) -> None:
    """One word and its reasons."""
    style = "green" if health.status == "healthy" else "red"
    workers = health.workers
    console.print(health.status, style=style)
    print_facts(
        console,
        [
            ("workers", f"{workers['total']}: {workers['active']} active, {workers['idle']} idle"),
            ("jobs", _by_state(health.jobs)),
            ("last hour", plural(int(str(health.metrics["processed"])), "job")),
            ("handlers", ", ".join(_handlers(health)) or "none"),
        ],
    )


def _handlers(health: Health) -> list[str]:
    found = health.metrics["handlers"]
    return [str(name) for name in found] if isinstance(found, list) else []


def _by_state(jobs: dict[str, int]) -> str:
    return ", ".join(f"{number(jobs[state])} {state}" for state in State if jobs.get(state)) or "none"


def _name_row(name: NameStats) -> tuple[str | Cell, ...]:
    return (
        name.name,
        Cell(number(name.completed), STYLES[State.COMPLETED] if name.completed else "dim"),
        Cell(number(name.failed), STYLES[State.FAILED] if name.failed else "dim"),
        Cell(number(name.cancelled), "" if name.cancelled else "dim"),
        exact(name.average),
        exact(name.p95),
    )


def drained(tally: Tally) -> str:
    """What a drain has done, in one line."""
    took = exact(float(tally.summary()["duration"]))
    counts = f"{tally.completed:,} completed, {tally.failed:,} failed, {tally.retried:,} retried"
    return f"{plural(tally.processed, 'attempt')} in {took}: {counts}"
