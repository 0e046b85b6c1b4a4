"""What a command has at hand: its options, the configuration, the plugins, the store, and where to write.

Everything is opened when it is first asked for, so that a command pays only for what it uses.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from jobq.cli import output
from jobq.cli.options import Given
from jobq.cli.values import choice
from jobq.durations import parse_duration

if TYPE_CHECKING:
    from rich.console import Console

    from jobq.client import Client
    from jobq.config import Config
    from jobq.plugins import Plugins
    from jobq.telemetry import Color, Level

T = TypeVar("T")
CONNECT_TIMEOUT = 5.0


class Session:
    """One call of one command. `connect_timeout` says how many seconds an unreachable store is waited for."""

    def __init__(self, given: Given, asked: object) -> None:
        self.given = given
        self._asked = asked
        self.color: Color = choice("--color", given.color or "auto", ("auto", "always", "never"))
        self.connect_timeout = parse_duration(given.connect_timeout or CONNECT_TIMEOUT, what="--connect-timeout")

    @classmethod
    def of(cls, ctx: Any) -> Session:
        """The session that the command line has prepared."""
        found = ctx.find_object(cls)
        assert isinstance(found, Session)  # noqa: S101 (every `Command` puts one there)
        return found

    def asked(self, kind: type[T]) -> T:
        """The options that this command shares with others."""
        assert isinstance(self._asked, kind)  # noqa: S101 (its `Command` says which they are)
        return self._asked

    @cached_property
    def config(self) -> Config:
        """The configuration that holds here; raises `ConfigError`."""
        from jobq.config import load_config

        return load_config(Path(self.given.config) if self.given.config else None, dsn=self.given.dsn)

    @property
    def log_level(self) -> Level:
        """How much a process of ours logs."""
        return "debug" if self.given.verbose else "warning" if self.given.quiet else self.config.log.level

    @cached_property
    def plugins(self) -> Plugins:
        """The plugins, imported into this process; raises `PluginError`."""
        plugins = self.load_plugins(skip_broken=self.given.skip_broken_plugins)
        for broken in plugins.broken:
            self.warn(f"{broken}; it is skipped")
        return plugins

    def load_plugins(self, *, skip_broken: bool) -> Plugins:
        """Import the plugins; with `skip_broken`, those that cannot be are listed instead of raised."""
        from jobq.app import plugins_here

        dirs = [Path(folder) for folder in self.given.plugin_dir or ()]
        return plugins_here(self.config, plugin_dirs=dirs, skip_broken=skip_broken)

    @contextmanager
    def client(self, *, handlers: bool = False) -> Iterator[Client]:
        """Open the store, and close it at the end; with `handlers`, the plugins of this process are known to it."""
        from jobq.app import connect

        plugins = self.plugins if handlers else None
        missing = self.missing_default()
        with connect(config=self.config, plugins=plugins, connect_timeout=self.connect_timeout) as client:
            self.announce(missing)
            yield client

    def missing_default(self) -> Path | None:
        """The file of the store that nobody has configured, when it is still to be made."""
        if self.config.origins.get("dsn") != "default":
            return None
        path = Path(self.config.dsn.removeprefix("sqlite://"))
        return None if path.exists() else path

    def announce(self, made: Path | None) -> None:
        """Say that a store was made which nobody has asked for."""
        if made is not None:
            self.note(f"no store is configured: made {made} (SQLite; `jobq init`, --dsn or JOBQ_DSN choose another)")

    # What is said.

    def present(
        self, *, document: Callable[[], object], ids: Callable[[], Iterable[str]], text: Callable[[Console], None]
    ) -> None:
        """Print the data in the form that was asked for; only that one is made."""
        if self.given.json:
            output.print_document(document())
        elif self.given.quiet:
            output.print_lines(ids())
        else:
            text(self.console)

    @cached_property
    def console(self) -> Console:
        """Where tables for people go."""
        from jobq.cli.render.console import make_console

        return make_console(sys.stdout, self.color)

    @cached_property
    def error_console(self) -> Console:
        """Where progress goes."""
        from jobq.cli.render.console import make_console

        return make_console(sys.stderr, self.color)

    def note(self, text: str) -> None:
        """Say something beside the data, unless only ids are wanted."""
        if not self.given.quiet:
            output.print_note(text)

    def tip(self, text: str) -> None:
        """Say what one may want to do next: to people only."""
        if not self.given.json and sys.stderr.isatty() and sys.stdout.isatty():
            self.note(text)

    def warn(self, text: str) -> None:
        """Say something that may be a mistake."""
        output.print_note(f"warning: {text}")

    @property
    def shows_progress(self) -> bool:
        """Whether somebody watches."""
        return sys.stderr.isatty() and not self.given.quiet
