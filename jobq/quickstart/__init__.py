"""`jobq quickstart`: the whole story on real files, on the embedded default, in under a minute.

The files are those that every machine has: the sources of Python's own library. Each is one job; the largest are
drawn, too, and their pictures made smaller. A service is really down at first and a source really has a mistake, so
that a retry and a failure are there to look at.

    plan       which files, and which jobs that makes
    handlers   what the jobs do: a plugin like any other (anatomy, minimap and png do the work)
    folder     where everything lies, and stays
    receiver   the service that is down at first
    worker     a `jobq worker --drain`, as anybody would start it
    progress   what is to be seen meanwhile
    summary    what happened
    report     the table, and where to look next (commands writes those); page: the same with the pictures
    story      all of that in its order: read this first

Decision: nothing is staged. Jobs go in through the Python API, the worker is the command in a process of its own, and
the summary is read from the store. Cost: the first second goes to starting it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Color = Literal["auto", "always", "never"]


def run(directory: Path | None = None, *, json: bool = False, quiet: bool = False, color: Color = "auto") -> int:
    """Tell the story in `directory` (default: `./jobq-quickstart`), and return the exit code.

    The folder is made, and kept; in one that is there from an earlier run the story is told again. `json` prints the
    summary as one document, `quiet` only the jobs' ids; progress goes to standard error. Returns 0, or the worker's
    exit code when it did not get to the end. Raises `JobqError`s, and `KeyboardInterrupt` once the worker has stopped.

        jobq.quickstart.run(Path("/tmp/look"), json=True)
    """
    # The worker's children import this package for its handlers; the story is none of their business.
    from jobq.quickstart.story import Story, Style

    style = Style.JSON if json else Style.IDS if quiet else Style.TABLE
    return Story(directory or Path("jobq-quickstart"), style, color).tell()
