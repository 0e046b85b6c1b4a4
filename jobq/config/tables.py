"""Every setting: its name, type, default and meaning, one frozen table for each table of the file.

This file is the only list. Reading, checking, masking, `config.example.toml` and the near matches for a mistyped
key all follow from it. Durations are seconds, sizes bytes. Cost: fields are declared through `key`, which an
editor shows less well than a plain default.
"""

# ruff: noqa: RUF009, FBT003
# `key` and `table` make dataclass fields, which the first rule cannot see; a default stands first in them.

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, assert_never

from jobq.backoff import Backoff, exponential, fixed, linear
from jobq.config.kinds import (
    ANY_TEXT,
    BOOLEAN,
    DSN,
    DURATION,
    LIST,
    PATHS,
    POSITIVE_DURATION,
    QUEUE,
    SECRETS,
    SIZE,
    TEXT,
    URL,
    URLS,
    BackoffWord,
    Kind,
    WorkerMode,
    choice,
    whole,
)
from jobq.config.places import default_dsn
from jobq.jobs import MOST_ATTEMPTS
from jobq.masking import SECRET_KEYS
from jobq.payload import MAX_BYTES
from jobq.telemetry import Format, Level

T = TypeVar("T")
D = TypeVar("D")

MOST: Final = 1_000_000_000
_MOST_PROCESSES: Final = 4
_DAY: Final = 86400.0
_MIB: Final = 2**20


class Key(NamedTuple):
    """One setting: how it is read, one line about it, and an example where it is unset or differs by machine."""

    kind: Kind[Any]
    about: str
    example: object


def key(default: D, kind: Kind[T], about: str, *, example: object = None) -> T | D:
    """Declare a setting. A default of None means unset; `example` then shows what a value looks like."""
    declared: T | D = field(default=default, metadata={"key": Key(kind, about, example)})
    return declared


def computed(default: Callable[[], T], kind: Kind[T], about: str, *, example: object = None) -> T:
    """Declare a setting whose default depends on the machine, or is a table of its own."""
    declared: T = field(default_factory=default, metadata={"key": Key(kind, about, example)})
    return declared


def masked(settings: Any) -> str:
    """Return a table's `repr`, with secrets and passwords masked."""
    shown = (f"{item.name}={_shown(item, getattr(settings, item.name))}" for item in fields(settings) if item.repr)
    return f"{type(settings).__name__}({', '.join(shown)})"


def _shown(item: Field[Any], value: Any) -> str:
    declared: Key | None = item.metadata.get("key")
    return repr(value if declared is None or value is None else declared.kind.mask(value))


def default_processes() -> int:
    """The number of processors that this process may use, at most 4."""
    return min(_MOST_PROCESSES, len(os.sched_getaffinity(0)))


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """`[defaults]`: What holds for a job when neither its enqueue nor its handler says anything."""

    __repr__ = masked

    queue: str = key("default", QUEUE, "Where jobs wait that name no queue.")
    max_attempts: int = key(3, whole(1, MOST_ATTEMPTS), "How often a job may run in all.")
    max_crashes: int = key(3, whole(1, MOST_ATTEMPTS), "How many dead processes a job may cause.")
    timeout: float = key(300.0, POSITIVE_DURATION, "How long an attempt may run.")
    backoff: BackoffWord = key(
        "exponential", choice(BackoffWord), "fixed, linear or exponential; or the whole policy: exponential:5s:300s."
    )
    base: float = key(1.0, DURATION, "The delay after the first failed attempt.")
    max: float = key(60.0, DURATION, "The longest delay.")
    jitter: bool = key(True, BOOLEAN, "Draw each delay between zero and what the policy says.")

    @property
    def policy(self) -> Backoff:
        """The backoff; raises `InvalidValue` when `max` is below `base`."""
        match self.backoff:
            case "fixed":
                return fixed(self.base)
            case "linear":
                return linear(self.base, self.max, self.jitter)
            case "exponential":
                return exponential(self.base, self.max, self.jitter)
            case _:
                assert_never(self.backoff)

    @property
    def backoff_text(self) -> str:
        """The backoff as text: `exponential:1s:60s`."""
        return self.policy.text


@dataclass(frozen=True, kw_only=True)
class Limits:
    """`[limits]`: What is refused."""

    __repr__ = masked

    max_payload: int = key(MAX_BYTES, SIZE, "The largest payload, as JSON; a driver may allow less.")


@dataclass(frozen=True, kw_only=True)
class Worker:
    """`[worker]`: How jobs run on this host."""

    __repr__ = masked

    mode: WorkerMode = key(
        "standalone",
        choice(WorkerMode),
        "in-process: the mounted web application runs jobs too; standalone: it does not.",
    )
    processes: int = computed(
        default_processes, whole(0, 1024), "Child processes. Unset: the number of processors, at most 4.", example=4
    )
    concurrency: int = key(1, whole(1, 10_000), "Jobs that run at a time in each process.")
    poll_interval: float = key(1.0, POSITIVE_DURATION, "How often to look for jobs when nothing announces them.")
    shutdown_timeout: float = key(30.0, DURATION, "How long running jobs may go on after SIGTERM.")
    kill_grace: float = key(2.0, DURATION, "How long a job past its timeout has left before its process is killed.")
    hang_timeout: float = key(300.0, POSITIVE_DURATION, "How long a process may be silent before it is replaced.")
    max_jobs_per_child: int | None = key(
        None, whole(1, MOST), "Replace a process after that many jobs. Unset: never.", example=1000
    )
    max_memory_per_child: int | None = key(
        None, SIZE, "Replace a process that has grown beyond this. Unset: never.", example=512 * _MIB
    )


@dataclass(frozen=True, kw_only=True)
class Scheduler:
    """`[scheduler]`: Recurring jobs."""

    __repr__ = masked

    enabled: bool = key(True, BOOLEAN, "Whether workers make the jobs of schedules; any number of them may.")
    poll_interval: float = key(5.0, POSITIVE_DURATION, "How often to look for changed schedules.")


@dataclass(frozen=True, kw_only=True)
class Retention:
    """`[retention]`: How long finished jobs are kept, by age and by number; whichever is reached first."""

    __repr__ = masked

    completed: float = key(_DAY, DURATION, "How long completed jobs are kept.")
    cancelled: float = key(7 * _DAY, DURATION, "How long cancelled jobs are kept.")
    failed: float = key(30 * _DAY, DURATION, "How long failed jobs are kept.")
    keep_completed: int | None = key(
        None, whole(0, MOST), "How many completed jobs of a name are kept. Unset: all of them.", example=100
    )
    keep_cancelled: int | None = key(
        None, whole(0, MOST), "How many cancelled jobs of a name are kept. Unset: all of them.", example=100
    )
    keep_failed: int | None = key(
        None, whole(0, MOST), "How many failed jobs of a name are kept. Unset: all of them.", example=50
    )


@dataclass(frozen=True, kw_only=True)
class Memory:
    """`[memory]`: The memory driver."""

    __repr__ = masked

    history_size: int = key(1000, whole(0, MOST), "How many finished jobs are remembered.")


@dataclass(frozen=True, kw_only=True)
class Sqs:
    """`[sqs]`: The SQS driver. AWS finds its credentials in its own ways."""

    __repr__ = masked

    region: str | None = key(None, TEXT, "Unset: AWS_REGION or AWS_DEFAULT_REGION.", example="eu-central-1")
    queue_prefix: str = key("", ANY_TEXT, "A queue without a URL below is called this and its name.")
    queues: Mapping[str, str] = computed(
        dict,
        URLS,
        "URLs of queues by name. Unset: SQS_QUEUE_URL for the default queue.",
        example={"emails": "https://sqs.eu-central-1.amazonaws.com/123456789012/emails"},
    )
    dead_letter_queue: str | None = key(
        None,
        URL,
        "Where failed jobs go. Unset: SQS_DLQ_URL.",
        example="https://sqs.eu-central-1.amazonaws.com/123456789012/failed",
    )
    visibility_timeout: float = key(30.0, POSITIVE_DURATION, "How long SQS hides a message that a worker has taken.")
    endpoint_url: str | None = key(
        None, URL, "Unset: AWS_ENDPOINT_URL_SQS or AWS_ENDPOINT_URL.", example="http://127.0.0.1:4566"
    )
    store: str | None = key(
        None, DSN, "A Postgres or SQLite DSN for what SQS lacks: states, results, keys.", example="sqlite://ledger.db"
    )


@dataclass(frozen=True, kw_only=True)
class Http:
    """`[http]`: What `jobq serve` asks for and allows."""

    __repr__ = masked

    secret: tuple[str, ...] = key(
        (),
        SECRETS,
        'What callers must show; ["new", "old"] while it changes. Unset: serve refuses to start.',
        example="…",
    )
    max_chain: int = key(100, whole(1, 10_000), "The most jobs in a chain.")
    max_batch: int = key(1000, whole(1, 100_000), "The most jobs in a batch.")
    max_body: int = key(4 * _MIB, SIZE, "The largest request body.")
    max_jobs: int = key(1000, whole(1, MOST), "The most jobs that one call of /v1/work may process.")
    max_runtime: float = key(300.0, POSITIVE_DURATION, "How long one call of /v1/work may process jobs.")


@dataclass(frozen=True, kw_only=True)
class Plugins:
    """`[plugins]`: Where handlers come from, besides the installed packages."""

    __repr__ = masked

    modules: tuple[str, ...] = key((), LIST, "Modules to load, by their dotted names.")
    dirs: tuple[Path, ...] = key((), PATHS, "Folders of .py files to load; relative to this file.")
    allow: tuple[str, ...] | None = key(
        None, LIST, "The installed plugins that may load. Unset: all of them.", example=["email"]
    )


@dataclass(frozen=True, kw_only=True)
class Redact:
    """`[redact]`: What is masked in logs, lists, the dashboard and errors."""

    __repr__ = masked

    keys: tuple[str, ...] = key(SECRET_KEYS, LIST, "Values are masked under keys that contain one of these.")


@dataclass(frozen=True, kw_only=True)
class Log:
    """`[log]`: What goes to standard error."""

    __repr__ = masked

    level: Level = key("info", choice(Level), "debug, info, warning, error or critical.")
    format: Format = key("auto", choice(Format), "console, json, or auto: console on a terminal, json elsewhere.")


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """`[metrics]`: A `metrics` event in the log, at intervals."""

    __repr__ = masked

    enabled: bool = key(True, BOOLEAN, "Whether workers log their figures.")
    interval: float = key(60.0, POSITIVE_DURATION, "How often.")


def table(kind: Callable[[], T]) -> T:
    """Declare a table of the file."""
    declared: T = field(default_factory=kind, metadata={"table": kind})
    return declared


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings, merged and checked.

    `origins` says for each dotted key where its value came from: `jobq.toml:3`, an environment variable, a
    credential, `argument` or `default`. `file` is the configuration file, None when there is none. Neither takes
    part in comparisons.
    """

    __repr__ = masked

    enabled: bool = key(True, BOOLEAN, "false: enqueue, worker and serve refuse.")
    dsn: str = computed(
        default_dsn,
        DSN,
        "Where jobs wait; sqlite://relative.db lies beside this file. Unset: SQLite in $XDG_STATE_HOME/jobq/jobq.db.",
        example="postgresql:///jobs",
    )
    defaults: Defaults = table(Defaults)
    limits: Limits = table(Limits)
    worker: Worker = table(Worker)
    scheduler: Scheduler = table(Scheduler)
    retention: Retention = table(Retention)
    memory: Memory = table(Memory)
    sqs: Sqs = table(Sqs)
    http: Http = table(Http)
    plugins: Plugins = table(Plugins)
    redact: Redact = table(Redact)
    log: Log = table(Log)
    metrics: Metrics = table(Metrics)
    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    file: Path | None = field(default=None, compare=False, repr=False)


def keys_of(settings: Any) -> Iterator[tuple[str, Key, Field[Any]]]:
    """The settings that stand directly in a table, or at the top for `Config`."""
    for item in fields(settings):
        if "key" in item.metadata:
            yield item.name, item.metadata["key"], item


def _all_keys() -> dict[str, Key]:
    top = {name: declared for name, declared, _ in keys_of(Config)}
    return top | {f"{table}.{name}": declared for table, kind in TABLES.items() for name, declared, _ in keys_of(kind)}


# The tables of the file by name, and every setting by its dotted key.
TABLES: Final[Mapping[str, type[Any]]] = {
    item.name: item.metadata["table"] for item in fields(Config) if "table" in item.metadata
}
KEYS: Final[Mapping[str, Key]] = _all_keys()
