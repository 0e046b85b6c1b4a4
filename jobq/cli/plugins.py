"""`jobq plugins`: who brings handlers."""

from __future__ import annotations

import typer

from jobq.cli import output
from jobq.cli.command import Command, new_app
from jobq.cli.render.others import print_plugins
from jobq.cli.session import Session
from jobq.plugins import Plugins

app = new_app("List the plugins that bring handlers.")


@app.command("list", cls=Command)
def list_(ctx: typer.Context) -> None:
    """List the plugins of this installation, those that cannot be loaded too."""
    session = Session.of(ctx)
    plugins = session.load_plugins(skip_broken=True)
    session.present(
        document=lambda: output.page(_objects(plugins)),
        ids=lambda: [plugin.name for plugin in plugins.loaded],
        text=lambda console: print_plugins(console, plugins.loaded, plugins.broken),
    )
    if not plugins.loaded and not plugins.broken and not session.given.json:
        session.note("no plugins; install one, or name modules and folders in [plugins], or --plugin-dir")


def _objects(plugins: Plugins) -> list[dict[str, object]]:
    """Plugins; `error` says why one cannot be loaded."""
    found: list[dict[str, object]] = [
        {"name": one.name, "version": one.version, "source": one.source, "handlers": one.handlers, "error": None}
        for one in plugins.loaded
    ]
    return found + [
        {"name": one.name, "version": None, "source": None, "handlers": (), "error": one.error.message}
        for one in plugins.broken
    ]
