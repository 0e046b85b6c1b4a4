"""`jobq` itself, without any of its commands."""

from __future__ import annotations

from typing import Any

from typer.main import get_install_completion_arguments

from jobq.cli.command import Root
from jobq.cli.plain import make_plain

ABOUT = "Background jobs for Python: put work in line, and run it in worker processes."


def make_root() -> Root:
    """The command that finds all others."""
    root = Root(
        name="jobq",
        help=ABOUT,
        invoke_without_command=True,
        rich_markup_mode=None,
        context_settings={"auto_envvar_prefix": "JOBQ", "help_option_names": ["-h", "--help"]},
    )
    completion: tuple[Any, ...] = get_install_completion_arguments()
    for parameter in completion:
        make_plain(parameter)
    root.params.extend(completion)
    return root
