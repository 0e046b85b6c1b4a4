"""The options of a job, as `enqueue` takes them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Final

import typer

from jobq.cli.complete import queues
from jobq.cli.values import choice, pairs, seconds, whole
from jobq.errors import UsageError
from jobq.instants import parse_instant
from jobq.jobs import OnConflict
from jobq.requests import EnqueueOptions

MOST_ATTEMPTS: Final = 1000
MOST_KEPT: Final = 1_000_000_000
CONFLICTS: Final[tuple[OnConflict, ...]] = ("skip", "raise", "replace")


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """What may be said about a job besides its name and payload; nothing given leaves it to the handler."""

    queue: Annotated[
        str | None,
        typer.Option("--queue", metavar="QUEUE", help="Where it waits. Default: the handler's.", autocompletion=queues),
    ] = None
    priority: Annotated[
        str | None,
        typer.Option("--priority", metavar="N", help="Lower runs first: a number, critical, high, normal, low."),
    ] = None
    delay: Annotated[str | None, typer.Option("--delay", metavar="DURATION", help="Not before that long from now.")] = (
        None
    )
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="WHEN", help='Not before 2026-12-24T09:00Z, "2026-12-24 09:00 Europe/Berlin".'),
    ] = None
    max_attempts: Annotated[
        str | None, typer.Option("--max-attempts", metavar="N", help="How often it may run in all.")
    ] = None
    max_crashes: Annotated[
        str | None, typer.Option("--max-crashes", metavar="N", help="How many dead processes it may cause.")
    ] = None
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="DURATION", help="How long an attempt may run.")
    ] = None
    backoff: Annotated[
        str | None,
        typer.Option("--backoff", metavar="POLICY", help="fixed:10s, linear:5s:60s, exponential:5s:300s, …"),
    ] = None
    unique_key: Annotated[
        str | None, typer.Option("--unique-key", metavar="KEY", help="Only one job of this name and key at a time.")
    ] = None
    unique_for: Annotated[
        str | None,
        typer.Option("--unique-for", metavar="DURATION", help="How long the key holds. Default: until the job ends."),
    ] = None
    on_conflict: Annotated[
        str | None,
        typer.Option(
            "--on-conflict", metavar="WHAT", help="If key or id are taken: skip, raise, replace. Default: skip."
        ),
    ] = None
    id: Annotated[str | None, typer.Option("--id", metavar="ID", help="An id of your own.")] = None
    meta: Annotated[
        list[str] | None,
        typer.Option("--meta", metavar="KEY=TEXT", help="A key of the metadata; KEY:=JSON too. Repeatable."),
    ] = None
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag. Repeatable.")] = None
    partition_key: Annotated[
        str | None, typer.Option("--partition-key", metavar="KEY", help="Takes turns with other keys of its queue.")
    ] = None
    expires_in: Annotated[
        str | None, typer.Option("--expires-in", metavar="DURATION", help="Give up if it has not started by then.")
    ] = None
    keep_completed: Annotated[
        str | None, typer.Option("--keep-completed", metavar="N", help="How many completed ones of its name stay.")
    ] = None
    keep_failed: Annotated[
        str | None, typer.Option("--keep-failed", metavar="N", help="How many failed ones of its name stay.")
    ] = None

    @property
    def given(self) -> list[str]:
        """The options that were given, as they are typed."""
        return [f"--{field.name.replace('_', '-')}" for field in fields(self) if getattr(self, field.name)]

    def request(self) -> EnqueueOptions:
        """The options as the API takes them; raises `InvalidValue`."""
        if self.delay is not None and self.at is not None:
            raise UsageError("--delay and --at say the same thing twice", hint="give one of them")
        return EnqueueOptions(
            queue=self.queue,
            priority=self.priority,
            delay=seconds("--delay", self.delay),
            run_at=None if self.at is None else parse_instant(self.at, what="--at"),
            max_attempts=whole("--max-attempts", self.max_attempts, least=1, most=MOST_ATTEMPTS),
            max_crashes=whole("--max-crashes", self.max_crashes, least=1, most=MOST_ATTEMPTS),
            timeout=seconds("--timeout", self.timeout),
            backoff=self.backoff,
            unique_key=self.unique_key,
            unique_for=seconds("--unique-for", self.unique_for),
            on_conflict=choice("--on-conflict", self.on_conflict or "skip", CONFLICTS),
            id=self.id,
            metadata=pairs("--meta", self.meta),
            tags=tuple(self.tag or ()),
            partition_key=self.partition_key,
            expires_in=seconds("--expires-in", self.expires_in),
            keep_completed=whole("--keep-completed", self.keep_completed, most=MOST_KEPT),
            keep_failed=whole("--keep-failed", self.keep_failed, most=MOST_KEPT),
        )
