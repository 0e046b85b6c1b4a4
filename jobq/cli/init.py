"""`jobq init`: a configuration that explains itself, and a handler that works at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobq.cli.command import Command, new_app
from jobq.cli.scaffold import DRIVERS, PROFILES, configuration, default_driver, first_handlers
from jobq.cli.session import Session
from jobq.cli.values import choice
from jobq.errors import Conflict, PermissionDenied

app = new_app()

CONFIG = "jobq.toml"
HANDLERS = "handlers/hello.py"


@app.command("init", cls=Command, epilog="jobq init\njobq init --profile prod --driver postgres")
def init(
    ctx: typer.Context,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="PROFILE", help="dev or prod. Default: dev.")
    ] = None,
    driver: Annotated[
        str | None, typer.Option("--driver", metavar="DRIVER", help="sqlite, postgres or sqs. Default: the profile's.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
) -> None:
    """Write a commented jobq.toml and a first handlers file."""
    session = Session.of(ctx)
    kind = choice("--profile", profile or "dev", PROFILES)
    store = choice("--driver", driver or default_driver(kind), DRIVERS)
    files = {Path(CONFIG): configuration(kind, store), Path(HANDLERS): first_handlers()}
    there = [path for path in files if path.exists()]
    if there and not force:
        raise Conflict(
            f"{' and '.join(map(str, there))} would be overwritten", hint="--force overwrites; or go to an empty folder"
        )
    for path, text in files.items():
        _write(path, text)
    session.present(
        document=lambda: {"files": [str(path) for path in files]},
        ids=lambda: map(str, files),
        text=lambda _: _print(files),
    )


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PermissionDenied(
            f"{path} cannot be written: {error.strerror}", hint="use a folder of your own"
        ) from error


def _print(files: dict[Path, str]) -> None:
    for path in files:
        print(f"wrote {path}")
    print("next:")
    print("  jobq enqueue hello:greet -a name=Ada")
    print("  jobq enqueue hello:stumble")
    print("  jobq worker --drain")
    print("  jobq jobs list")
