"""Help for people at 80 columns: what it does, what it takes, and examples that can be copied.

Decision: plain text instead of typer's framed panels. It needs no rich, so that `jobq --help` comes in half the
time of a small typer program, it can be searched and piped, and an option, its meaning and its environment variable
fit on two lines. Cost: no colours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Any

from jobq.cli.table import Entry

_WIDEST = 26
_GLOBAL_NOTE = "Every command takes the options of `jobq --help` too: --json, -q, -v, --dsn, --config and others."


def write_command_help(command: Any, ctx: Any, formatter: Any, *, hidden: Collection[Any]) -> None:
    """The page of one command, without the parameters that are `hidden`."""
    _write_head(command, ctx, formatter)
    shown = [parameter for parameter in command.get_params(ctx) if parameter not in hidden]
    _write_parameters(shown, ctx, formatter)
    if command.epilog:
        with formatter.section("Examples"):
            for line in command.epilog.strip().splitlines():
                formatter.write(f"  {line.strip()}\n")
    formatter.write_paragraph()
    formatter.write_text(_GLOBAL_NOTE)


def write_group_help(group: Any, ctx: Any, formatter: Any, *, hidden: Collection[Any]) -> None:
    """The page of a command that leads to others."""
    _write_head(group, ctx, formatter)
    rows = [(name, _first_line(group.get_command(ctx, name).help)) for name in group.list_commands(ctx)]
    with formatter.section("Commands"):
        formatter.write_dl(rows, col_max=_WIDEST)
    _write_parameters([parameter for parameter in group.get_params(ctx) if parameter not in hidden], ctx, formatter)
    formatter.write_paragraph()
    formatter.write_text(_GLOBAL_NOTE)


def write_root_help(group: Any, ctx: Any, formatter: Any, entries: Iterable[Entry]) -> None:
    """The first page: every command, by what one wants to do, and the global options."""
    _write_head(group, ctx, formatter)
    for section, rows in groupby(entries, key=lambda entry: entry.section):
        with formatter.section(section):
            formatter.write_dl([(entry.name, entry.help) for entry in rows], col_max=_WIDEST)
    _write_parameters(group.get_params(ctx), ctx, formatter, title="Options, before or after the command")


def _write_head(command: Any, ctx: Any, formatter: Any) -> None:
    pieces = [parameter.metavar or parameter.name.upper() for parameter in command.params if _is_argument(parameter)]
    kind = "COMMAND …" if hasattr(command, "commands") else " ".join(pieces)
    formatter.write_usage(ctx.command_path, f"[OPTIONS] {kind}".rstrip())
    formatter.write_paragraph()
    formatter.write_text(command.help or "")


def _write_parameters(parameters: Iterable[Any], ctx: Any, formatter: Any, *, title: str = "Options") -> None:
    shown = [parameter for parameter in parameters if not parameter.hidden]
    arguments = [
        (parameter.metavar or parameter.name.upper(), parameter.help or "")
        for parameter in shown
        if _is_argument(parameter)
    ]
    options = [(_spelling(parameter), _meaning(parameter, ctx)) for parameter in shown if not _is_argument(parameter)]
    for heading, rows in (("Arguments", arguments), (title, options)):
        if rows:
            with formatter.section(heading):
                formatter.write_dl(rows, col_max=_WIDEST)


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _spelling(option: Any) -> str:
    """`-q, --quiet`, `--queue GLOB`, `--pause / --no-pause`."""
    names = ", ".join(sorted(option.opts, key=len))
    if option.secondary_opts:
        names = f"{names} / {', '.join(option.secondary_opts)}"
    return names if option.is_flag else f"{names} {option.metavar or ''}".rstrip()


def _meaning(option: Any, ctx: Any) -> str:
    variable = _variable(option, ctx)
    return f"{option.help or ''} [${variable}]" if variable else option.help or ""


def _variable(option: Any, ctx: Any) -> str | None:
    """The environment variable that stands for an option."""
    if option.name in ctx.help_option_names or not option.expose_value or option.name == "version":
        return None
    prefix = ctx.auto_envvar_prefix
    return option.envvar or (f"{prefix}_{option.name.upper()}" if prefix and option.allow_from_autoenv else None)


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0]
