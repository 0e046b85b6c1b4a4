"""The commands of `jobq`: their names, one line of help each, and where they are written.

Decision: a table instead of decorators that register themselves, because `jobq --help` must not import what it
only mentions. A test keeps each line equal to the first line of the command's own docstring.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple


class Entry(NamedTuple):
    """A command: `command` of the typer application `app` in `module`, or all of them when it is None."""

    section: str
    name: str
    help: str
    module: str
    command: str | None


TABLE: Final = (
    Entry("First steps", "init", "Write a commented jobq.toml and a first handlers file.", "init", "init"),
    Entry(
        "First steps", "quickstart", "See the whole story on real files, in under a minute.", "quickstart", "quickstart"
    ),
    Entry("Work", "enqueue", "Put a job in line, or every line of a file.", "enqueue", "enqueue"),
    Entry("Work", "run", "Run one job here and now, without a queue.", "run", "run"),
    Entry("Work", "worker", "Run jobs until told to stop.", "worker", "worker"),
    Entry("Look and change", "jobs", "List, show, wait for, cancel and retry jobs.", "jobs", None),
    Entry("Look and change", "failed", "List, show and retry the jobs that have failed for good.", "failed", None),
    Entry("Look and change", "queues", "List the queues and what waits in them.", "queues", None),
    Entry("Look and change", "workers", "List the workers that are alive.", "workers", None),
    Entry("Look and change", "stats", "Sum up how things stand and what happened lately.", "stats", "stats"),
    Entry("Look and change", "health", "Say whether somebody works, with the exit code.", "health", "health"),
    Entry("Set up", "handlers", "List, show and check the handlers.", "handlers", None),
    Entry("Set up", "plugins", "List the plugins that bring handlers.", "plugins", None),
    Entry("Set up", "migrate", "Bring the store's tables up to date.", "migrate", "migrate"),
    Entry("Short forms", "inspect", "The same as jobq jobs show.", "jobs", "show"),
    Entry("Short forms", "retry", "The same as jobq jobs retry.", "jobs", "retry"),
    Entry("Short forms", "status", "The same as jobq stats.", "stats", "stats"),
)

# What people type who come from elsewhere, or who guess.
MEANT: Final = {
    "add": "enqueue",
    "apply": "migrate",
    "call": "enqueue",
    "cancel": "jobs cancel",
    "check": "handlers check",
    "dead": "failed list",
    "defer": "enqueue",
    "install": "migrate",
    "job": "jobs",
    "list": "jobs list",
    "ls": "jobs list",
    "ps": "jobs list",
    "push": "enqueue",
    "schema": "migrate",
    "show": "jobs show",
    "start": "worker",
    "tasks": "handlers list",
    "upgrade": "migrate",
    "wait": "jobs wait",
    "work": "worker",
}


def find(name: str, entries: Iterable[Entry] = TABLE) -> Entry | None:
    """The command of that name."""
    return next((entry for entry in entries if entry.name == name), None)
