"""`jobq quickstart`: the whole story, told by the package of that name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobq.cli.command import Command, new_app
from jobq.cli.session import Session

app = new_app()


@app.command("quickstart", cls=Command)
def quickstart(
    ctx: typer.Context,
    directory: Annotated[
        str | None, typer.Option("--directory", metavar="DIR", help="Where to work. Default: ./jobq-quickstart.")
    ] = None,
) -> int:
    """See the whole story on real files, in under a minute."""
    from jobq.quickstart import run

    session = Session.of(ctx)
    folder = None if directory is None else Path(directory).expanduser()
    return run(folder, json=session.given.json, quiet=session.given.quiet, color=session.color)
