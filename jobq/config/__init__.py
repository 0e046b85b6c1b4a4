"""Configuration: TOML < systemd credentials < environment < arguments, merged into one frozen `Config`.

Decision: a library's settings framework would be shorter, but costs half a second of every one-shot command,
and forgets where a value came from. Here each value keeps its origin (`Config.origins`), each mistake names its
line, and unknown keys are errors: a setting that nobody reads is worse than none. There is no interpolation of
variables inside the file; the environment already comes after it. Cost: our own code for it, in this folder:

    tables   every setting, its type, default and meaning: read this first
    kinds    how a value is read from any source, and shown
    places   where files are found
    sources  what file, credentials, environment and arguments say
    merge    the last word wins; every mistake is named
    example  config.example.toml, written from the tables
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from jobq.config.example import example
from jobq.config.merge import merge
from jobq.config.sources import find_file, from_arguments, from_credentials, from_environment, from_file
from jobq.config.tables import (
    Config,
    Defaults,
    Http,
    Limits,
    Log,
    Memory,
    Metrics,
    Plugins,
    Redact,
    Retention,
    Scheduler,
    Sqs,
    Worker,
)

__all__ = [
    "Config",
    "Defaults",
    "Http",
    "Limits",
    "Log",
    "Memory",
    "Metrics",
    "Plugins",
    "Redact",
    "Retention",
    "Scheduler",
    "Sqs",
    "Worker",
    "example",
    "load_config",
]


def load_config(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    **overrides: object,
) -> Config:
    """Return the settings that hold here, as the command line sees them.

    `path` is a configuration file; without it the usual places are searched. `environ` and `cwd` default to
    those of the process. Overrides come last: `dsn="memory://"`, `worker={"concurrency": 3}` or
    `worker__concurrency=3`; None means not given. Raises `ConfigError` that names key, place, problem and remedy.

        config = load_config(dsn="memory://", worker={"concurrency": 4})
    """
    variables = os.environ if environ is None else environ
    here = Path.cwd() if cwd is None else cwd.absolute()
    file = find_file(path, variables, here)
    given = [
        *(from_file(file, here) if file is not None else ()),
        *from_credentials(variables, here),
        *from_environment(variables, here),
        *from_arguments(overrides, here),
    ]
    return merge(given, variables, here, file=file)
