"""The options of `jobq worker`, and the settings they make together with the configuration."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from jobq import __version__
from jobq.cli.complete import queues
from jobq.cli.options import Given
from jobq.cli.values import seconds, several, whole
from jobq.config import Config
from jobq.drivers.protocol import Demand, Share
from jobq.durations import parse_size
from jobq.errors import InvalidValue, UsageError
from jobq.names import check_queue
from jobq.worker.boot import Boot
from jobq.worker.settings import EngineSettings, KeeperSettings, PoolSettings
from jobq.worker.supervisor import SupervisorSettings

MOST_PROCESSES = 1024
MOST_CONCURRENT = 10_000
HEAVIEST = 1_000_000
MOST_JOBS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """What a worker may be told, as it was typed; nothing given leaves it to the configuration."""

    queues: Annotated[
        str | None,
        typer.Option(
            "--queues", metavar="A,B,C", help="Only these, in this order; a:5,b:3 by weight.", autocompletion=queues
        ),
    ] = None
    exclude_queues: Annotated[
        str | None, typer.Option("--exclude-queues", metavar="A,B", help="All but these.", autocompletion=queues)
    ] = None
    processes: Annotated[
        str | None,
        typer.Option("--processes", metavar="N", help="Child processes. Default: the processors, at most 4."),
    ] = None
    min_processes: Annotated[
        str | None, typer.Option("--min-processes", metavar="N", help="Fewer when idle, but no fewer than this.")
    ] = None
    max_processes: Annotated[
        str | None, typer.Option("--max-processes", metavar="N", help="More when jobs wait, but no more than this.")
    ] = None
    concurrency: Annotated[
        str | None, typer.Option("--concurrency", metavar="N", help="Jobs at a time in each process. Default: 1.")
    ] = None
    drain: Annotated[bool, typer.Option("--drain", help="End when nothing is left to run, and sum up.")] = False
    fail_on_error: Annotated[
        bool, typer.Option("--fail-on-error", help="With --drain: exit code 1 when a job has failed.")
    ] = False
    max_jobs: Annotated[str | None, typer.Option("--max-jobs", metavar="N", help="End after that many jobs.")] = None
    max_runtime: Annotated[
        str | None, typer.Option("--max-runtime", metavar="DURATION", help="End after that long.")
    ] = None
    shutdown_timeout: Annotated[
        str | None,
        typer.Option("--shutdown-timeout", metavar="DURATION", help="How long running jobs may go on at the end."),
    ] = None
    max_jobs_per_child: Annotated[
        str | None, typer.Option("--max-jobs-per-child", metavar="N", help="Replace a process after that many jobs.")
    ] = None
    max_memory_per_child: Annotated[
        str | None,
        typer.Option("--max-memory-per-child", metavar="SIZE", help="Replace a process that grows beyond it."),
    ] = None
    name: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="What it is called. Default: host and process id.")
    ] = None
    auto_migrate: Annotated[bool, typer.Option("--auto-migrate", help="Bring the store's tables up to date first.")] = (
        False
    )


class Crew(NamedTuple):
    """How many processes there are: at first, and within which bounds."""

    first: int
    least: int | None
    most: int | None


def make_settings(config: Config, options: WorkerOptions, given: Given, log_level: str) -> SupervisorSettings:
    """Put everything together that the supervisor is told; raises `UsageError` and `InvalidValue`."""
    if options.fail_on_error and not options.drain:
        raise UsageError("--fail-on-error belongs to --drain", hint="jobq worker --drain --fail-on-error")
    name = options.name or f"{socket.gethostname()}.{os.getpid()}"
    crew = _crew(config, options)
    return SupervisorSettings(
        name=name,
        version=__version__,
        engine=_engine(config, options, details=log_level == "debug"),
        pool=_pool(config, options, crew.first),
        boot=_boot(config, given, name, log_level),
        min_processes=crew.least,
        max_processes=crew.most,
    )


def read_queues(text: str) -> tuple[tuple[Share, ...], bool]:
    """Read `a,b,c`, or `a:5,b:3` by weight; returns the shares, and whether they are weighted."""
    shares = [_share(word) for word in several([text])]
    names = [share.queue for share in shares]
    if not shares:
        raise InvalidValue("--queues names no queue", hint="--queues critical,default; leave it out for all queues")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidValue(f"--queues names {twice} twice", hint="name each queue once")
    return tuple(shares), ":" in text


def _share(word: str) -> Share:
    queue, separator, weight = word.partition(":")
    number = whole(f"the weight of {queue}", weight, least=1, most=HEAVIEST) if separator else 1
    return Share(check_queue(queue.strip()), number or 1)


def _engine(config: Config, options: WorkerOptions, *, details: bool) -> EngineSettings:
    shares, weighted = read_queues(options.queues) if options.queues is not None else ((), False)
    exclude = frozenset(check_queue(queue) for queue in several([options.exclude_queues or ""]))
    if both := sorted(exclude.intersection(share.queue for share in shares)):
        raise UsageError(f"{both[0]} is both in --queues and in --exclude-queues", hint="leave one out")
    demand = Demand(limit=0, names=frozenset(), queues=shares, exclude=exclude, weighted=weighted)
    patience = seconds("--shutdown-timeout", options.shutdown_timeout)
    keep = config.retention
    return EngineSettings(
        demand=demand,
        keeper=KeeperSettings(ages={"completed": keep.completed, "cancelled": keep.cancelled, "failed": keep.failed}),
        poll_interval=config.worker.poll_interval,
        shutdown_timeout=config.worker.shutdown_timeout if patience is None else patience,
        drain=options.drain,
        max_jobs=whole("--max-jobs", options.max_jobs, least=1, most=MOST_JOBS),
        max_runtime=seconds("--max-runtime", options.max_runtime),
        details=details,
    )


def _pool(config: Config, options: WorkerOptions, processes: int) -> PoolSettings:
    memory = options.max_memory_per_child
    return PoolSettings(
        processes=processes,
        concurrency=whole("--concurrency", options.concurrency, least=1, most=MOST_CONCURRENT)
        or config.worker.concurrency,
        kill_grace=config.worker.kill_grace,
        hang_timeout=config.worker.hang_timeout,
        max_jobs_per_child=whole("--max-jobs-per-child", options.max_jobs_per_child, least=1, most=MOST_JOBS)
        or config.worker.max_jobs_per_child,
        max_memory_per_child=config.worker.max_memory_per_child
        if memory is None
        else parse_size(memory, what="--max-memory-per-child"),
    )


def _crew(config: Config, options: WorkerOptions) -> Crew:
    """The number of processes; one that nobody has typed gives way to the bounds."""
    least = whole("--min-processes", options.min_processes, least=1, most=MOST_PROCESSES)
    most = whole("--max-processes", options.max_processes, least=1, most=MOST_PROCESSES)
    if least is not None and most is not None and least > most:
        raise UsageError(f"--min-processes {least} is more than --max-processes {most}", hint="swap them")
    asked = whole("--processes", options.processes, least=1, most=MOST_PROCESSES)
    first = asked if asked is not None else max(1, config.worker.processes)
    return Crew(max(least or 1, min(first, most or first)), least, most)


def _boot(config: Config, given: Given, name: str, log_level: str) -> Boot:
    """What the processes must know to find the same configuration and plugins."""
    overrides: Mapping[str, Any] = {"dsn": given.dsn, "log.level": log_level}
    return Boot(
        supervisor=os.getpid(),
        worker=name,
        config=str(config.file.absolute()) if config.file is not None else None,
        overrides={key: value for key, value in overrides.items() if value is not None},
        plugin_dirs=[str(Path(folder).absolute()) for folder in given.plugin_dir or ()],
        skip_broken=given.skip_broken_plugins,
    )
