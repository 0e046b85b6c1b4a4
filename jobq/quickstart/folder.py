"""The folder of a quickstart: its settings, its store, its pictures, and one source with a mistake.

Whatever is there from an earlier run stays as it is: the mistake may have been mended, a setting tried.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jobq.config import Config, load_config
from jobq.errors import Conflict, InvalidValue, PermissionDenied

HANDLERS = "jobq.quickstart.handlers"
_NEWS = "# Made by `jobq quickstart`. `jobq init` writes a file that explains every setting.\n\n"
_UNFINISHED = '''\
"""Count the words of a file. Whoever wrote this went to lunch before closing a bracket."""

import sys
from collections import Counter


def words(path: str) -> Counter[str]:
    with open(path, encoding="utf-8") as file:
        return Counter(file.read().split()


if __name__ == "__main__":
    print(words(sys.argv[1]).most_common(10))
'''


class Folder:
    """A working folder, by its absolute path."""

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 (`resolve` would show links' targets)
        self.settings = self.path / "jobq.toml"
        self.store = self.path / "jobs.db"
        self.pictures = self.path / "pictures"
        self.thumbnails = self.path / "thumbnails"
        self.unfinished = self.path / "unfinished.py"
        self.log = self.path / "worker.log"
        self.page = self.path / "index.html"

    def make(self) -> Config:
        """Make what is missing and return the settings.

        Raises `InvalidValue` for a place that cannot hold it, `Conflict` for a folder that is somebody else's, and
        `PermissionDenied` where nothing can be written.
        """
        _check_name(self.path)
        try:
            self._make_folder()
            if self.settings.exists():
                self._own_settings()
            self._write_missing()
        except (FileExistsError, NotADirectoryError) as error:
            raise InvalidValue(f"{self.path} is not a folder", hint="give another one with --directory") from error
        except OSError as error:
            hint = "give a folder that you can write to with --directory"
            raise PermissionDenied(f"{self.path}: {error.strerror}", hint=hint) from error
        return self._own_settings()

    def _make_folder(self) -> None:
        if not self.path.exists():
            self.path.mkdir(parents=True)
            # Somebody's repository need not notice. In a folder that was there this would hide what is theirs.
            (self.path / ".gitignore").write_text("*\n", encoding="utf-8")

    def _write_missing(self) -> None:
        import tomli_w

        settings: dict[str, Any] = {"dsn": f"sqlite://{self.store}", "plugins": {"modules": [HANDLERS], "allow": []}}
        for path, content in ((self.settings, _NEWS + tomli_w.dumps(settings)), (self.unfinished, _UNFINISHED)):
            if not path.exists():
                path.write_text(content, encoding="utf-8")

    def _own_settings(self) -> Config:
        """The settings of this folder and of nowhere else: a `JOBQ_DSN` in the shell may be a real queue."""
        config = load_config(self.settings, environ={}, cwd=self.path)
        if HANDLERS not in config.plugins.modules:
            raise Conflict(
                f"{self.settings} belongs to something else than a quickstart", hint="give another --directory"
            )
        return config


def _check_name(path: Path) -> None:
    if not str(path).isprintable():
        raise InvalidValue(
            f"{str(path)!r} has a character that cannot be printed, and a DSN cannot name it",
            hint="jobq quickstart --directory /tmp/jobq-quickstart",
        )
