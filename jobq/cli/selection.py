"""Which jobs are meant: the filters of every list and bulk action, and the part of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Annotated, NamedTuple

import typer

from jobq.cli.complete import names, queues, states
from jobq.cli.values import conditions, several, whole
from jobq.filters import Filters

PAGE = 50
LARGEST_PAGE = 10_000


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Filters, as they were typed; everything given must hold."""

    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="In this state. Repeatable.", autocompletion=states),
    ] = None
    name: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="GLOB", help="Of this name: email:*. Repeatable.", autocompletion=names),
    ] = None
    queue: Annotated[
        list[str] | None,
        typer.Option("--queue", metavar="GLOB", help="In this queue. Repeatable.", autocompletion=queues),
    ] = None
    priority: Annotated[
        str | None, typer.Option("--priority", metavar="N", help="Of this priority: a number, high, low, …")
    ] = None
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="With this tag. Repeatable: with all of them.")
    ] = None
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="Created since then, or in the last 1h.")
    ] = None
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help="Created before then, or longer ago than 1h.")
    ] = None
    error: Annotated[
        str | None, typer.Option("--error", metavar="TEXT", help="With this text in one of its errors.")
    ] = None
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="PATH=VALUE", help="With this in the payload: user.id=7. Repeatable."),
    ] = None

    @property
    def selects(self) -> bool:
        """Whether any filter was given."""
        return any(getattr(self, field.name) for field in fields(Selection))

    def filters(self, *, states: Sequence[str] = ()) -> Filters:
        """The filters; `states` stand in when none was given. Raises `InvalidValue`."""
        return Filters(
            state=several(self.state) or states,
            name=several(self.name),
            queue=several(self.queue),
            priority=self.priority,
            tag=tuple(self.tag or ()),
            since=self.since,
            until=self.until,
            error=self.error,
            where=conditions(self.where or ()),
        )


class Part(NamedTuple):
    """Which part of a list is wanted."""

    limit: int
    offset: int
    cursor: str | None


@dataclass(frozen=True, kw_only=True)
class Listing(Selection):
    """Filters, and which part of the list."""

    limit: Annotated[str | None, typer.Option("--limit", metavar="N", help="At most that many. Default: 50.")] = None
    offset: Annotated[str | None, typer.Option("--offset", metavar="N", help="Leave out the first N.")] = None
    cursor: Annotated[
        str | None, typer.Option("--cursor", metavar="TEXT", help="Go on where the page before ended.")
    ] = None

    def part(self) -> Part:
        """Which part of the list; raises `InvalidValue`."""
        limit = whole("--limit", self.limit, least=1, most=LARGEST_PAGE)
        return Part(PAGE if limit is None else limit, whole("--offset", self.offset) or 0, self.cursor)
