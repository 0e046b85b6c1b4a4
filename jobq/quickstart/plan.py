"""Which files there are, and which jobs they make."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobq.errors import InputMissing
from jobq.quickstart.folder import Folder

PICTURES = 24
# Tests are a library's own business, and some are meant to be wrong; the others are not the library.
_LEFT_OUT = frozenset({"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"})


@dataclass(frozen=True)
class Plan:
    """The sources below `root`, and the largest of them, which are drawn."""

    root: Path
    sources: tuple[Path, ...]
    drawn: tuple[Path, ...]

    @property
    def message(self) -> str:
        """What is told to the service that is down at first."""
        return f"Python {platform.python_version()} has {len(self.sources)} sources to take apart"

    @property
    def jobs(self) -> int:
        """How many jobs that makes: one source has a mistake, and each picture is made smaller by a second job."""
        return len(self.sources) + 1 + 2 * len(self.drawn) + 1

    def requests(self, folder: Folder, *, port: int, tag: str) -> list[dict[str, Any]]:
        """The jobs to put in line, all but those that make thumbnails: they come out of the pictures' jobs."""
        analyses = [{"path": str(path)} for path in (folder.unfinished, *self.sources)]
        drawings = [self._drawing(path, folder) for path in self.drawn]
        return [
            {"name": "quickstart:deliver", "payload": {"port": port, "text": self.message}, "tags": [tag]},
            *({"name": "quickstart:render", "payload": drawing, "tags": [tag]} for drawing in drawings),
            *({"name": "quickstart:analyse", "payload": analysis, "tags": [tag]} for analysis in analyses),
        ]

    def _drawing(self, source: Path, folder: Folder) -> dict[str, str]:
        name = ".".join(source.relative_to(self.root).with_suffix("").parts) + ".png"
        return {
            "source": str(source),
            "picture": str(folder.pictures / name),
            "thumbnail": str(folder.thumbnails / name),
        }


def make_plan(root: Path) -> Plan:
    """Look what is there; raises `InputMissing` when there is no source at all."""
    sources = sorted(_sources(root))
    if not sources:
        raise InputMissing(
            f"this Python has no sources in {root}", hint="its package with the standard library's sources is missing"
        )
    return Plan(root, tuple(sources), tuple(_largest(sources, PICTURES)))


def _sources(root: Path) -> Iterator[Path]:
    for folder, below, files in os.walk(root):
        below[:] = [name for name in below if name not in _LEFT_OUT]
        paths = (Path(folder, name) for name in files if name.endswith(".py"))
        yield from (path for path in paths if path.is_file() and os.access(path, os.R_OK))


def _largest(paths: Sequence[Path], most: int) -> list[Path]:
    return sorted(paths, key=lambda path: (-path.stat().st_size, path))[:most]
