"""What queues, workers, handlers and plugins look like."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from jobq.cli.fields import PayloadField
from jobq.cli.findings import Finding
from jobq.cli.output import safe
from jobq.cli.render.tables import Cell, Column, print_facts, print_table
from jobq.cli.render.words import ago, exact, number, plural, rough
from jobq.config import Defaults
from jobq.jobs import HandlerInfo, SessionView, State
from jobq.plugins import Broken, Loaded
from jobq.reports import Stats

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = (State.PENDING, State.RUNNING, State.RETRYING, State.SCHEDULED, State.FAILED, State.COMPLETED)
_FEW = 4


def print_queues(console: Console, stats: Stats) -> None:
    """Queues, and how many jobs of each state are in them."""
    if not stats.queues:
        return
    columns = (Column("QUEUE", gives=True), *(Column(state.upper(), right=True) for state in _SHOWN), Column("OLDEST"))
    rows = [_queue_row(queue, stats) for queue in sorted(stats.queues)]
    print_table(console, columns, rows)


def _queue_row(queue: str, stats: Stats) -> Sequence[str | Cell]:
    counts = stats.queues[queue]
    oldest = f"waits {rough(stats.latency[queue])}" if queue in stats.latency else "–"
    return (queue, *(_count(counts[state], state) for state in _SHOWN), oldest)


def _count(count: int, state: State) -> Cell:
    style = "dim" if count == 0 else "red" if state is State.FAILED else ""
    return Cell(number(count), style)


def print_workers(console: Console, workers: Sequence[SessionView], now: datetime) -> None:
    """Workers that are alive."""
    if not workers:
        return
    columns = (
        Column("NAME", gives=True),
        Column("STATE"),
        Column("HOST", gives=True),
        Column("PID", right=True),
        Column("QUEUES", gives=True),
        Column("SLOTS", right=True),
        Column("BUSY", right=True),
        Column("SINCE"),
    )
    rows = (
        (
            worker.name,
            worker.state,
            worker.host,
            str(worker.pid),
            ",".join(worker.queues) or "all",
            f"{worker.processes}×{worker.concurrency}",
            str(worker.running),
            ago(worker.started_at, now),
        )
        for worker in workers
    )
    print_table(console, columns, rows)


def print_handlers(console: Console, handlers: Sequence[HandlerInfo]) -> None:
    """Handlers and what they declare; a dash leaves it to the configuration."""
    if not handlers:
        return
    columns = (
        Column("NAME"),
        Column("QUEUE"),
        Column("TRIES", right=True),
        Column("TIMEOUT", right=True),
        Column("PLUGIN", gives=True),
        Column("WHAT IT DOES", gives=True),
    )
    rows = (
        (
            handler.name,
            handler.queue or "–",
            str(handler.max_attempts or "–"),
            exact(handler.timeout),
            handler.plugin or "–",
            handler.description,
        )
        for handler in handlers
    )
    print_table(console, columns, rows)


def print_handler(console: Console, handler: HandlerInfo, defaults: Defaults, fields: Sequence[PayloadField]) -> None:
    """Everything about a handler: what it declares, and in parentheses what holds where it says nothing."""
    facts = [
        ("name", handler.name),
        ("what it does", handler.description or "–"),
        ("plugin", handler.plugin or "–"),
        ("queue", _or_default(handler.queue, defaults.queue)),
        ("priority", _or_default(handler.priority, 0)),
        ("attempts", _or_default(handler.max_attempts, defaults.max_attempts)),
        ("crashes", _or_default(handler.max_crashes, defaults.max_crashes)),
        ("timeout", _or_default(handler.timeout and exact(handler.timeout), exact(defaults.timeout))),
        ("backoff", _or_default(handler.backoff, defaults.backoff_text)),
        ("on_failed", "yes" if handler.has_on_failed else "no"),
        ("failed queue", handler.failed_queue or "–"),
        ("runs as", "async" if handler.is_async else "a thread"),
        ("payload", "\n".join(map(_field, fields)) or ("typed" if handler.has_schema else "any JSON")),
    ]
    print_facts(console, facts)


def _or_default(declared: object, default: object) -> str:
    return f"({default})" if declared is None else str(declared)


def _field(field: PayloadField) -> str:
    return f"{field.name}: {field.type}" + ("" if field.required else "  (may be left out)")


def print_findings(console: Console, findings: Sequence[Finding], handlers: int) -> None:
    """What is wrong with plugins and handlers, and what to do."""
    from rich.text import Text

    for finding in findings:
        style = "red" if finding.level == "error" else "yellow"
        line = Text.assemble((f"{finding.level}: ", style), safe(f"{finding.subject}: {finding.message}"))
        console.print(line, soft_wrap=True)
        if finding.hint:
            console.print(safe(f"  {finding.hint}"), style="dim", soft_wrap=True)
    errors = sum(finding.level == "error" for finding in findings)
    counted = f"{plural(errors, 'error')}, {plural(len(findings) - errors, 'warning')}"
    console.print(f"{plural(handlers, 'handler')} checked: {counted}")


def print_plugins(console: Console, loaded: Sequence[Loaded], broken: Sequence[Broken]) -> None:
    """Plugins, those that cannot be loaded last."""
    columns = (Column("NAME"), Column("VERSION"), Column("HANDLERS", gives=True), Column("FROM", gives=True))
    rows: list[Sequence[str | Cell]] = [
        (plugin.name, plugin.version or "–", _names(plugin.handlers), plugin.source) for plugin in loaded
    ]
    rows += [(one.name, "–", Cell("broken", "red"), str(one)) for one in broken]
    if rows:
        print_table(console, columns, rows)


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + more if names else "none"
