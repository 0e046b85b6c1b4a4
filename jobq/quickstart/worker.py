"""The worker of a quickstart: `jobq worker --drain`, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from jobq.quickstart.folder import Folder

# Longer than the worker itself gives its running jobs.
PATIENCE = 45.0
LAST_LINES = 5
KILLED = 128


class DrainingWorker:
    """Starts when it is entered, and is stopped, politely first, when it is left early."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes]
        self._said = 0

    def __enter__(self) -> Self:
        command = ["worker", "--drain", "--config", str(self._folder.settings)]
        with self._folder.log.open("ab") as log:
            self._said = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jobq", *command], cwd=self._folder.path, env=own_environment(os.environ),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After Ctrl-C the terminal has told it already; that signal and this one, within a second, count as one.
        if self._process.poll() is None:
            self._process.terminate()
        try:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE)
        finally:  # it takes too long, or Ctrl-C was pressed again
            self._process.kill()
            self._process.wait()

    def has_ended(self, within: float) -> bool:
        """Wait for its end, at most so many seconds, and tell whether it came."""
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def exit_code(self) -> int:
        """How it ended, as a shell would say it: 128 and the signal's number if one killed it."""
        code = self._process.wait()
        return code if code >= 0 else KILLED - code

    def last_words(self) -> str:
        """The end of what it logged."""
        with self._folder.log.open("rb") as log:
            log.seek(self._said)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-LAST_LINES:])


def own_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment without jobq's settings: a `JOBQ_DSN` in the shell may be a real queue."""
    return {name: value for name, value in environ.items() if not name.startswith("JOBQ_")}
