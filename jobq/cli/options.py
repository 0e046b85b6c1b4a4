"""Options that many commands share are fields of a frozen dataclass: read by typer, given to the command as a value.

Every command takes the global ones, those of `Given`, before and after its name. Moving them to the front of the
line would be the usual way; it cannot tell an option from another option's value (`--error --json`), and this can.
Cost: each level of a command has parameters of the same names, which are gathered along the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from jobq.cli.plain import make_plain


@dataclass(frozen=True, kw_only=True)
class Given:
    """The global options."""

    config: Annotated[
        str | None,
        typer.Option("--config", metavar="FILE", envvar="JOBQ_CONFIG", help="The configuration file."),
    ] = None
    dsn: Annotated[
        str | None,
        typer.Option("--dsn", metavar="DSN", envvar="JOBQ_DSN", help="Where jobs wait: postgresql://…, sqlite://…"),
    ] = None
    plugin_dir: Annotated[
        list[Path] | None,
        typer.Option(
            "--plugin-dir",
            metavar="DIR",
            envvar="JOBQ_PLUGIN_DIR",
            help="A folder of .py files with handlers. Repeatable.",
        ),
    ] = None
    skip_broken_plugins: Annotated[
        bool,
        typer.Option(
            "--skip-broken-plugins",
            envvar="JOBQ_SKIP_BROKEN_PLUGINS",
            help="Go on without plugins that cannot be loaded.",
        ),
    ] = False
    json: Annotated[
        bool, typer.Option("--json", envvar="JOBQ_JSON", help="Print one JSON document, errors included.")
    ] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", envvar="JOBQ_QUIET", help="Print ids only.")] = False
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", envvar="JOBQ_VERBOSE", help="Say more; show tracebacks.")
    ] = False
    color: Annotated[
        str | None,
        typer.Option(
            "--color", metavar="WHEN", envvar="JOBQ_COLOR", help="auto, always or never. NO_COLOR counts too."
        ),
    ] = None
    connect_timeout: Annotated[
        str | None,
        typer.Option(
            "--connect-timeout",
            metavar="DURATION",
            envvar="JOBQ_CONNECT_TIMEOUT",
            help="How long to wait for the store. Default: 5s.",
        ),
    ] = None
    version: Annotated[bool, typer.Option("--version", help="Say which version this is.")] = False


@cache
def parameters_of(options: type[Any]) -> tuple[Any, ...]:
    """What typer makes of a dataclass of options."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(options)
    parameters = get_command(app).params
    for parameter in parameters:
        make_plain(parameter)
    return tuple(parameters)


def given_of(ctx: Any) -> Given:
    """Gather the global options of all levels: the line wins over the environment, the inner level over the outer."""
    found: dict[str, Any] = {}
    for source in ("ENVIRONMENT", "COMMANDLINE"):
        for level in _levels(ctx):
            for name in (field.name for field in fields(Given)):
                if _source(level, name) == source:
                    value = level.params[name]
                    found[name] = _joined(found.get(name) or (), value) if isinstance(value, list | tuple) else value
    return Given(**found)


def take(ctx: Any, options: type[Any]) -> Any:
    """Take a dataclass's options out of what the command's own function would get."""
    return options(**{field.name: ctx.params.pop(field.name) for field in fields(options)})


def _levels(ctx: Any) -> Iterator[Any]:
    """From the outermost level in."""
    if ctx.parent is not None:
        yield from _levels(ctx.parent)
    yield ctx


def _source(level: Any, name: str) -> str:
    source = level.get_parameter_source(name)
    return "" if source is None else str(source.name)


def _joined(before: Iterable[str], more: Iterable[str]) -> list[str]:
    return list(dict.fromkeys((*before, *more)))
