"""The texts that `jobq init` writes: every setting of `config.example`, some of them set, and a first plugin."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final, Literal

from jobq.config import example

Profile = Literal["dev", "prod"]
StoreKind = Literal["sqlite", "postgres", "sqs"]

PROFILES: Final[tuple[Profile, ...]] = ("dev", "prod")
DRIVERS: Final[tuple[StoreKind, ...]] = ("sqlite", "postgres", "sqs")
_TABLE = re.compile(r"\[(\w+)\]")
_KEY = re.compile(r"# (\w+) = ")
_DSNS: Final[Mapping[StoreKind, str]] = {
    "sqlite": "sqlite://jobq.db",
    "postgres": "postgresql:///jobs",
    "sqs": "sqs://eu-central-1",
}
_SETTINGS: Final[Mapping[Profile, Mapping[str, object]]] = {
    "dev": {"plugins.dirs": ["handlers"], "log.format": "console"},
    "prod": {"plugins.dirs": ["handlers"], "log.format": "json", "worker.max_memory_per_child": "512MiB"},
}


def default_driver(profile: Profile) -> StoreKind:
    """The store that suits a profile."""
    return "sqlite" if profile == "dev" else "postgres"


def configuration(profile: Profile, driver: StoreKind) -> str:
    """The text of `jobq.toml`: every setting with a line about it, those of the profile set."""
    return with_values(example(), {"dsn": _DSNS[driver], **_SETTINGS[profile]})


def with_values(text: str, values: Mapping[str, object]) -> str:
    """Set keys, by their dotted names, in a text where every key stands as a comment."""
    lines: list[str] = []
    table = ""
    for line in text.splitlines():
        if found := _TABLE.fullmatch(line):
            table = f"{found[1]}."
        key = _KEY.match(line)
        is_set = key is not None and table + key[1] in values
        lines.append(f"{key[1]} = {json.dumps(values[table + key[1]])}" if key and is_set else line)
    return "\n".join(lines) + "\n"


def first_handlers() -> str:
    """The text of a plugin with a handler that works, and one that needs a second try."""
    return FIRST


FIRST: Final = '''\
"""My first handlers. Every .py file in this folder is a plugin: see [plugins] in jobq.toml.

    jobq enqueue hello:greet -a name=Ada      put a job in line
    jobq worker                               run what is in line
    jobq run hello:greet -a name=Ada          without a queue, for a quick look
"""

from dataclasses import dataclass

from jobq import Context, job


@dataclass
class Greeting:
    """What a hello:greet job needs to know; a payload that does not fit is refused at once."""

    name: str


def report(payload, error, ctx):
    """Called when a job has failed for good."""
    ctx.log.error("hello.given_up", error=error.message)


@job("hello:greet", timeout="10s", on_failed=report)
def greet(payload: Greeting) -> dict[str, str]:
    """Greet somebody by name."""
    return {"greeting": f"Hello, {payload.name}!"}


@dataclass
class Stumble:
    """How many attempts of a hello:stumble job fail before one succeeds."""

    times: int = 1


@job("hello:stumble", max_attempts=5, timeout="10s", backoff="fixed:1s", on_failed=report)
def stumble(payload: Stumble, ctx: Context) -> dict[str, int]:
    """Fail at first, to show what a retry looks like."""
    if ctx.attempt <= payload.times:
        raise RuntimeError(f"attempt {ctx.attempt} stumbled, the next one may not")
    return {"attempts": ctx.attempt}
'''
