"""What a command is here: typer's, with the global options, plain values, and help that reads well at 80 columns.

Commands are loaded when they are asked for: `Root` finds a command's module in the table, and nothing else is
imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from jobq.cli.help import write_command_help, write_group_help, write_root_help
from jobq.cli.options import Given, given_of, parameters_of, take
from jobq.cli.plain import make_plain
from jobq.cli.table import MEANT, TABLE, Entry, find
from jobq.errors import JobqError, UsageError
from jobq.names import near


def new_app(about: str | None = None) -> typer.Typer:
    """An application to declare the commands of one module on; `about` is a group's own line of help."""
    return typer.Typer(cls=Group, invoke_without_command=True, add_completion=False, rich_markup_mode=None, help=about)


class Command(TyperCommand):
    """A command with the global options; its function finds the `Session` in its context.

    `options` is a dataclass of options that it shares with others; the session has them as `asked`. `unlisted` names
    those that make no sense here, and are told so when they are given.
    """

    options: type[Any] | None = None
    unlisted: frozenset[str] = frozenset()

    def get_params(self, ctx: Any) -> list[Any]:
        """Its own parameters, and those that it shares."""
        own = _with_plain_help(super().get_params(ctx))
        shared = parameters_of(self.options) if self.options else ()  # type: ignore[arg-type] # mypy: no hash of type[Any]
        return [*own[:-1], *shared, *parameters_of(Given), *own[-1:]]  # --help stands last

    def invoke(self, ctx: Any) -> Any:
        """Prepare the session, and call the function with the options that are its own."""
        from jobq.cli.session import Session

        given = given_of(ctx)
        take(ctx, Given)
        asked = take(ctx, self.options) if self.options is not None else None
        ctx.obj = Session(given, asked)
        return super().invoke(ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write its page."""
        unlisted = [parameter for parameter in self.get_params(ctx) if parameter.name in self.unlisted]
        write_command_help(self, ctx, formatter, hidden=[*parameters_of(Given), *unlisted])


class Group(TyperGroup):
    """A command that only leads to others."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its own parameters, and those that it shares."""
        own = _with_plain_help(super().get_params(ctx))
        return [*own[:-1], *parameters_of(Given), *own[-1:]]

    def invoke(self, ctx: Any) -> Any:
        """Go on to the command that was named."""
        result = super().invoke(ctx)
        if ctx.invoked_subcommand is None:
            self.refuse_nothing(ctx)
        return result

    def refuse_nothing(self, ctx: Any) -> None:
        """There is no command on the line."""
        raise UsageError(
            f"{ctx.command_path}: which of {', '.join(self.list_commands(ctx))}?",
            hint=f"see `{ctx.command_path} --help`",
        )

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that is named, or raise what it may have meant."""
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing:
            raise self.unknown(ctx, args[0])
        return args[0], command, args[1:]

    def unknown(self, ctx: Any, word: str) -> UsageError:
        """The error for a word that is no command here."""
        close = near(word, self.list_commands(ctx))
        hint = f"did you mean {' or '.join(close)}?" if close else f"see `{ctx.command_path} --help`"
        return UsageError(f"{ctx.command_path} has no command {word!r:.60}", hint=hint)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write its page."""
        write_group_help(self, ctx, formatter, hidden=parameters_of(Given))


class Root(Group):
    """`jobq` itself. A word that is no command of ours may be one of a plugin's."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 (typer's signature)
        """The names of the table."""
        return [entry.name for entry in TABLE]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load a command."""
        entry = find(cmd_name)
        return _of_plugins(ctx).get(cmd_name) if entry is None else load(entry)

    def unknown(self, ctx: Any, word: str) -> UsageError:
        """The error for a word that is no command."""
        close = [MEANT[word]] if word in MEANT else near(word, self.list_commands(ctx))
        hint = f"did you mean {' or '.join(close)}?" if close else "see `jobq --help`"
        return UsageError(f"there is no command {word!r:.60}", hint=hint)

    def refuse_nothing(self, ctx: Any) -> None:
        """`jobq` alone is a question, not a mistake."""
        print(ctx.get_help())

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the first page."""
        write_root_help(self, ctx, formatter, TABLE)


def load(entry: Entry) -> Any:
    """Import a command and make it ready."""
    group = get_group(import_module(f"jobq.cli.{entry.module}").app)
    command: Any = group if entry.command is None else group.commands[entry.command]
    for part in _all_of(command):
        for parameter in part.params:
            make_plain(parameter)
    return command


def _of_plugins(ctx: Any) -> dict[str, Any]:
    """The commands that plugins bring; none when they cannot be asked, because then that is not the question."""
    from jobq.cli.session import Session

    app = new_app()
    try:
        Session(given_of(ctx), None).plugins.manager.hook.jobq_cli(app=app)
    except JobqError:
        return {}
    return dict(get_group(app).commands)


def _with_plain_help(parameters: list[Any]) -> list[Any]:
    """The parameters of a command. --help, the last of them, is made when it is first asked for."""
    make_plain(parameters[-1])
    return parameters


def _all_of(command: Any) -> Iterator[Any]:
    yield command
    for part in getattr(command, "commands", {}).values():
        yield from _all_of(part)
