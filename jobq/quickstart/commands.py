"""Commands to print: what works as it stands when it is copied into the shell that the quickstart was called from."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobq.quickstart.folder import Folder

Environment = Mapping[str, str]


class Commands:
    """Writes commands on the store of a folder, for people who stand in `here`."""

    def __init__(self, folder: Folder, here: Path, program: Sequence[str], environ: Environment) -> None:
        self._here = here
        self._program = program
        self._flags = ["--config", shorter(folder.settings, here)]
        if environ.get("JOBQ_DSN") or environ.get("JOBQ_DSN_FILE"):  # these would outdo the file's
            self._flags += ["--dsn", f"sqlite://{folder.store}"]

    def on_store(self, *words: str) -> str:
        """A command that works on the folder's store."""
        return shlex.join([*self._program, *words, *self._flags])

    def anywhere(self, *words: str) -> str:
        """A command that needs no store."""
        return shlex.join([*self._program, *words])


def program(argv: Sequence[str], here: Path, environ: Environment) -> list[str]:
    """How this very program is called from here: `jobq`, or by its path, or as a module."""
    called = Path(argv[0]).absolute()
    if called.name == "jobq" and os.access(called, os.X_OK):
        return [_callable(called, here, environ)]
    return [_callable(Path(sys.executable), here, environ), "-m", "jobq"]


def shorter(path: Path, here: Path) -> str:
    """A path as one would type it here."""
    below = os.path.relpath(path, here)
    return below if len(below) < len(str(path)) else str(path)


def _callable(file: Path, here: Path, environ: Environment) -> str:
    found = shutil.which(file.name, path=environ.get("PATH"))
    if found is not None and Path(found).absolute() == file:
        return file.name
    text = shorter(file, here)
    return text if os.sep in text else f"./{text}"
