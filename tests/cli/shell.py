"""`jobq` at hand: in this process, or as one of its own; and somebody who works off jobs without running them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from jobq.cli import run
from jobq.drivers.protocol import Demand
from jobq.drivers.sqlite import SqliteDriver
from jobq.jobs import Completed, ErrorInfo, Failed, HandlerInfo, Outcome, SessionInfo, Settlement

HANDLERS = '''
"""Handlers for the tests of the command line."""
import os
import time
from dataclasses import dataclass

from jobq import Discard, job


@dataclass
class Greeting:
    name: str


@job("hello:greet", timeout="10s", queue="greetings", priority="high", on_failed=lambda payload, error, ctx: None)
def greet(payload: Greeting):
    """Greet somebody by name."""
    print("a greeting is on its way")
    return {"greeting": f"Hello, {payload.name}!"}


@job("hello:fail", max_attempts=1)
def fail(payload):
    raise ValueError(payload.get("why", "no luck"))


@job("hello:discard")
def discard(payload):
    raise Discard("not for me")


@job("hello:nap")
def nap(payload):
    time.sleep(payload["seconds"])


@job("hello:exit")
def leave(payload):
    os.write(1, b"written past Python\\n")
    os._exit(3)
'''


class Done(NamedTuple):
    """What a command has answered."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """Standard output, line by line."""
        return self.out.splitlines()


class Shell:
    """Types commands in a folder of its own. `dsn` is that of the store which is used when nobody says otherwise."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.dsn = f"sqlite://{folder / 'state' / 'jobq' / 'jobq.db'}"
        self._capture = capture
        self._patch = patch

    def __call__(self, *words: str, stdin: str | bytes = "") -> Done:
        """Run a command in this process."""
        data = stdin if isinstance(stdin, bytes) else stdin.encode()
        self._capture.readouterr()
        with self._patch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
            code = run(list(words))
        return Done(code, *self._capture.readouterr())

    def set(self, **environ: str) -> None:
        """Set environment variables for the rest of the test."""
        for name, value in environ.items():
            self._patch.setenv(name, value)

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file into the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start a command as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "jobq", *words],
            cwd=self.folder,
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def spawn(self, *words: str, stdin: str = "", **environ: str) -> Done:
        """Run a command as a process of its own, to its end."""
        with self.start(*words, **environ) as process:
            out, err = process.communicate(stdin, timeout=50)
            return Done(process.returncode, out, err)

    def enqueue(self, *words: str) -> str:
        """Put a job in line and return its id."""
        return self("enqueue", *words, "--allow-unknown", "-q").out.strip()


class Clerk:
    """Works off jobs without running them, straight at the store."""

    def __init__(self, driver: SqliteDriver) -> None:
        self._driver = driver

    def register(self, *names: str) -> None:
        """Let a worker say that it has these handlers."""
        self._driver.close_session(self._open(names))

    def settle(self, outcome: Outcome, *names: str) -> None:
        """End every job of these names that may run now."""
        session = self._open(names)
        claims = self._driver.claim(session, Demand(limit=1000, names=frozenset(names))).claims
        self._driver.settle(session, [Settlement(id=claim.id, token=claim.token, outcome=outcome) for claim in claims])
        self._driver.close_session(session)

    def complete(self, *names: str, result: str | None = None) -> None:
        """Complete every job of these names that may run now."""
        self.settle(Completed(result=result), *names)

    def fail(self, *names: str, message: str = "no luck") -> None:
        """Fail every job of these names that may run now, for good."""
        error = ErrorInfo(type="ValueError", message=message, traceback=f"Traceback …\nValueError: {message}\n")
        self.settle(Failed(error=error, reason="exhausted"), *names)

    def stay(self, *names: str) -> Callable[[], None]:
        """Register a worker that is alive; what is returned lets it go."""
        session = self._open(names)
        return lambda: self._driver.close_session(session)

    def _open(self, names: Sequence[str]) -> Any:
        handlers = tuple(HandlerInfo(name=name, max_attempts=1) for name in names)
        info = SessionInfo(id=os.urandom(8).hex(), name="clerk", host="here", pid=1, version="0", handlers=handlers)
        return self._driver.open_session(info, lease=60.0)
