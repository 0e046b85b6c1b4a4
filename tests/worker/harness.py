"""A real worker on a real store, and what a test wants to know about them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import jobq
from jobq.client import Client
from jobq.jobs import Job

T = TypeVar("T")
HANDLERS = Path(__file__).parent / "handlers"
_PAUSE = threading.Event()


def wait_for(look: Callable[[], T], seconds: float = 20.0) -> T:
    """Look until the answer is true, and return it; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() >= end:
            raise AssertionError(f"waited {seconds} s in vain; the last answer was {answer!r}")
        _PAUSE.wait(0.02)


class Worker:
    """One `jobq worker`."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.pid = process.pid
        self._log = log

    def log(self) -> list[dict[str, Any]]:
        """What it has logged so far; lines that are no JSON come as `{"raw": …}`."""
        rows = []
        for line in self._log.read_text(errors="replace").splitlines():
            rows += _read(line)
        return rows

    def events(self, name: str) -> list[dict[str, Any]]:
        """Log lines of one event."""
        return [row for row in self.log() if row.get("event") == name]

    def saw(self, name: str, count: int = 1, seconds: float = 20.0) -> list[dict[str, Any]]:
        """Wait until it has logged an event so many times."""
        return wait_for(lambda: rows if len(rows := self.events(name)) >= count else [], seconds)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = 20.0) -> int:
        """Wait for its end; returns the exit code."""
        return self.process.wait(seconds)

    def children(self) -> list[int]:
        """Its living descendants that run jobs, the template not among them."""
        return [pid for pid in descendants(self.pid) if pid != self.template()]

    def template(self) -> int:
        """The template process: the descendant that was executed, not forked."""
        return next((pid for pid in descendants(self.pid) if _leads_a_session(pid)), 0)


class Work:
    """A store with workers on it. Everything started here is ended by `close`."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn = dsn
        self.folder = folder
        self.history_file = folder / "history.jsonl"
        self.history_file.touch()
        self.workers: list[Worker] = []
        self.client: Client = jobq.connect(dsn)

    def migrate(self) -> None:
        """Make the store ready."""
        migrator = self.client.driver.migrator
        if migrator is not None:
            migrator.migrate()

    def env(self, **more: str) -> dict[str, str]:
        """The environment of what is started here."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("JOBQ_")}
        return {
            **kept,
            "JOBQ_DSN": self.dsn,
            "JOBQ_LOG__FORMAT": "json",
            "JOBQ_PLUGINS__ALLOW": "[]",
            "JOBQ_LOG__LEVEL": "debug",
            "WORK_HISTORY": str(self.history_file),
            "PYTHONUNBUFFERED": "1",
            **more,
        }

    def worker(self, *args: object, plugins: Path = HANDLERS, **env: str) -> Worker:
        """Start a worker."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "jobq", "worker", "--plugin-dir", str(plugins), *map(str, args)],
                env=self.env(**env), cwd=self.folder, stdout=subprocess.PIPE, stderr=file, text=True,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        worker = Worker(process, log)
        self.workers.append(worker)
        return worker

    def drain(self, *args: object, seconds: float = 60.0, **env: str) -> dict[str, Any]:
        """Run a worker until nothing is left; returns its summary."""
        worker = self.worker("--drain", "--json", *args, **env)
        out, _ = worker.process.communicate(timeout=seconds)
        assert out, worker.log()[-5:]
        summary: dict[str, Any] = json.loads(out)
        return summary

    def enqueue(self, name: str, payload: Any = None, **options: Any) -> str:
        """Put a job in line; returns its id."""
        return self.client.enqueue(name, payload, **options).id

    def job(self, id: str) -> Job:
        """The job as it stands."""
        return self.client.get(id)

    def until(self, id: str, *states: str, seconds: float = 20.0) -> Job:
        """Wait until a job is in one of these states."""
        return wait_for(lambda: job if (job := self.job(id)).state in states else None, seconds)  # type: ignore[return-value]

    def history(self, event: str | None = None, id: str | None = None) -> list[dict[str, Any]]:
        """What handlers wrote down."""
        rows = [json.loads(line) for line in self.history_file.read_text().splitlines()]
        return [r for r in rows if event in (None, r["event"]) and id in (None, r["id"])]

    def started(self, count: int, seconds: float = 30.0) -> list[dict[str, Any]]:
        """Wait until so many starts are in the history."""
        return wait_for(lambda: rows if len(rows := self.history("start")) >= count else [], seconds)

    def close(self) -> None:
        """End everything, by process id."""
        for worker in self.workers:
            family = [worker.pid, *descendants(worker.pid)]
            for pid in family if worker.process.poll() is None else []:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            worker.process.wait(10)
            if worker.process.stdout is not None:
                worker.process.stdout.close()
        self.client.close()


def _read(line: str) -> list[dict[str, Any]]:
    """A line of the log: what comes from several processes at once may share one."""
    before, opening, rest = line.partition('{"timestamp"')
    rows: list[dict[str, Any]] = [{"raw": before}] if before else []
    if opening:
        try:
            row, end = json.JSONDecoder().raw_decode(opening + rest)
        except ValueError:
            return [*rows, {"raw": opening + rest}]
        rows += [row, *([{"raw": (opening + rest)[end:]}] if (opening + rest)[end:] else [])]
    return rows


def descendants(pid: int) -> list[int]:
    """Every living process below this one."""
    return [found for child in _children(pid) for found in (child, *descendants(child))]


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            yield from (int(child) for child in task.read_text().split() if is_alive(int(child)))


def _leads_a_session(pid: int) -> bool:
    """Whether the process leads its own session: the template does, what it forks does not."""
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:
        return False
