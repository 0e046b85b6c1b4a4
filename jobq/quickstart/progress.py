"""What is to be seen while the worker works: a bar on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol, assert_never

if TYPE_CHECKING:
    from rich.console import Console

QUARTERS = 4


@dataclass(frozen=True)
class Standing:
    """How many jobs have ended, how many of them badly, and how many wait to be tried again."""

    ended: int = 0
    failed: int = 0
    retrying: int = 0

    def __str__(self) -> str:
        """Only what is out of the ordinary."""
        parts = {"retrying": self.retrying, "failed": self.failed}
        return ", ".join(f"{count} {word}" for word, count in parts.items() if count)


class Form(Enum):
    """How progress is shown."""

    BAR = "bar"
    LINES = "lines"
    NOTHING = "nothing"


class Progress(Protocol):
    """Shows how things stand."""

    def show(self, standing: Standing) -> None:
        """Called a few times a second."""


class Silence:
    """For those who asked for it."""

    def show(self, standing: Standing) -> None:
        """Say nothing."""


class Lines:
    """A line at each quarter: a log that somebody reads later needs no more."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._said = 0

    def show(self, standing: Standing) -> None:
        """Say it if a new quarter is done."""
        quarter = QUARTERS * standing.ended // max(1, self._total)
        if quarter > self._said:
            self._said = quarter
            news = f" ({standing})" if str(standing) else ""
            print(f"{standing.ended} of {self._total} jobs{news}", file=sys.stderr)


@contextmanager
def shown(total: int, console: Console, form: Form) -> Iterator[Progress]:
    """Show progress in one of the forms; `total` is how many jobs there will be."""
    match form:
        case Form.BAR:
            with _bar(total, console) as progress:
                yield progress
        case Form.LINES:
            yield Lines(total)
        case Form.NOTHING:
            yield Silence()
        case _:
            assert_never(form)


@contextmanager
def _bar(total: int, console: Console) -> Iterator[Progress]:
    """A bar on a terminal."""
    from rich import progress

    columns = (
        progress.BarColumn(40),
        progress.MofNCompleteColumn(),
        progress.TextColumn("jobs  {task.fields[news]}"),
        progress.TimeElapsedColumn(),
    )
    with progress.Progress(*columns, console=console) as live:
        task = live.add_task("", total=total, news="")

        class Bar:
            def show(self, standing: Standing) -> None:
                live.update(task, completed=standing.ended, news=str(standing))

        yield Bar()
