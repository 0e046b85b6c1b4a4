"""Where configuration and state are found, by the rules of the XDG base directories."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

SYSTEM_FILE = Path("/etc/jobq/config.toml")


def default_dsn(environ: Mapping[str, str] = os.environ) -> str:
    """The DSN of a jobq that nobody has configured: SQLite in `$XDG_STATE_HOME/jobq/jobq.db`."""
    return f"sqlite://{_base(environ, 'XDG_STATE_HOME', '.local/state') / 'jobq' / 'jobq.db'}"


def candidates(environ: Mapping[str, str], cwd: Path) -> list[Path]:
    """Where a configuration file is looked for when nobody names one; the first that is there counts."""
    user = _base(environ, "XDG_CONFIG_HOME", ".config") / "jobq" / "config.toml"
    return [cwd / "jobq.toml", cwd / "pyproject.toml", user, SYSTEM_FILE]


def _base(environ: Mapping[str, str], variable: str, below_home: str) -> Path:
    """A base directory; a relative one is invalid by XDG's own rule and counts as unset."""
    given = Path(environ.get(variable, ""))
    home = environ.get("HOME")
    return given if given.is_absolute() else (Path(home) if home else Path.home()) / below_home
