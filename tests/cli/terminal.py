"""A terminal to run a command at: what it shows, and what is typed."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 20.0
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """A command at a terminal of 80 columns; entered, it runs, and left, it is gone."""

    def __init__(self, folder: Path, *words: str) -> None:
        self._folder = folder
        self._words = words
        self.shown = ""

    def __enter__(self) -> Self:
        self._ours, theirs = os.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jobq", *self._words],
            cwd=self._folder,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "40"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def until(self, text: str) -> None:
        """Read until a text is shown."""
        end = time.monotonic() + PATIENCE
        while text not in self.plain:
            assert time.monotonic() < end, f"never shown: {text!r} in {self.plain!r}"
            self._read(0.1)

    def type(self, text: str) -> None:
        """Type a text."""
        os.write(self._ours, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """Read to the end, and return the exit code."""
        while self._process.poll() is None:
            self._read(0.05)
        while self._read(0.0):
            pass
        return self._process.wait()

    @property
    def plain(self) -> str:
        """What was shown, without colours and movements."""
        return CONTROLS.sub("", self.shown)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # everybody at the other end has left
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)
