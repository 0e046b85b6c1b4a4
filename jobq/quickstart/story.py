"""The story in its order: make the folder, put jobs in line, let a worker run them, say what happened."""

from __future__ import annotations

import json
import os
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from msgspec import to_builtins

from jobq.app import connect
from jobq.client import Client
from jobq.config import Config
from jobq.ids import new_id
from jobq.jobs import Job, State
from jobq.plugins import load_plugins
from jobq.quickstart import Color
from jobq.quickstart.commands import Commands, program, shorter
from jobq.quickstart.folder import Folder
from jobq.quickstart.page import page_of
from jobq.quickstart.plan import Plan, make_plan
from jobq.quickstart.progress import Form, Standing, shown
from jobq.quickstart.receiver import Receiver
from jobq.quickstart.report import Advice, Places, advice, introduction, print_report
from jobq.quickstart.summary import Summary, jobs_of, summarise
from jobq.quickstart.worker import DrainingWorker

if TYPE_CHECKING:
    from rich.console import Console

LOOK = 0.2
UNCUT = 10_000
TAG_END = 12


class Style(Enum):
    """What is printed on standard output."""

    TABLE = "table"
    JSON = "json"
    IDS = "ids"


class Story:
    """One telling of the quickstart. `root` is where the sources are: those of Python's own library, by default."""

    def __init__(self, directory: Path, style: Style, color: Color = "auto", *, root: Path | None = None) -> None:
        here = Path.cwd()
        self._folder = Folder(directory)
        self._style = style
        self._color = color
        self._root = root or Path(sysconfig.get_path("stdlib"))
        self._tag = f"quickstart-{new_id()[-TAG_END:]}"
        self._commands = Commands(self._folder, here, program(sys.argv, here, os.environ), os.environ)
        folder, page, unfinished = (
            shorter(path, here) for path in (self._folder.path, self._folder.page, self._folder.unfinished)
        )
        self._places = Places(folder=folder, page=page, unfinished=unfinished)

    def tell(self) -> int:
        """Tell it; returns the exit code."""
        config = self._folder.make()
        plan = make_plan(self._root)
        with _connect(config) as client, Receiver() as receiver:
            self._say(introduction(plan, self._places))
            began = time.monotonic()
            client.enqueue_many(plan.requests(self._folder, port=receiver.port, tag=self._tag))
            with self._told_when_stopped(client), DrainingWorker(self._folder) as worker:
                self._follow(client, worker, receiver, plan)
                duration = time.monotonic() - began
                code = worker.exit_code
            if code != 0:
                self._say(f"the worker ended with exit code {code}, and said last:\n{worker.last_words()}")
            jobs = list(jobs_of(client, self._tag))
        self._print(jobs, summarise(jobs, tag=self._tag, root=self._root, duration=duration))
        return code

    def _follow(self, client: Client, worker: DrainingWorker, receiver: Receiver, plan: Plan) -> None:
        """Show progress until the worker ends, and open the service once somebody has failed to reach it."""
        with shown(plan.jobs, self._console(sys.stderr), self._form()) as progress:
            while not worker.has_ended(LOOK):
                standing = self._look(client)
                if standing.retrying:
                    receiver.open()
                progress.show(standing)
            progress.show(self._look(client))
        self._say("")

    def _form(self) -> Form:
        if self._style is Style.IDS:
            return Form.NOTHING
        return Form.BAR if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else Form.LINES

    def _look(self, client: Client) -> Standing:
        completed, failed, cancelled, retrying = (
            client.count(tag=self._tag, state=state)
            for state in (State.COMPLETED, State.FAILED, State.CANCELLED, State.RETRYING)
        )
        return Standing(ended=completed + failed + cancelled, failed=failed, retrying=retrying)

    @contextmanager
    def _told_when_stopped(self, client: Client) -> Iterator[None]:
        """After Ctrl-C or SIGTERM, once the worker has gone, say what is left and how to go on."""
        try:
            yield
        except Exception:
            raise
        except BaseException:
            left = client.count(tag=self._tag) - self._look(client).ended
            command = self._commands.on_store("worker", "--drain")
            self._say(f"\nstopped; {left} jobs are still in line, and this goes on with them:\n  {command}")
            raise

    def _print(self, jobs: Sequence[Job], summary: Summary) -> None:
        if summary.pictures:
            self._folder.page.write_text(page_of(summary, self._folder.path), encoding="utf-8")
        next_steps = advice(summary, self._commands, self._places)
        match self._style:
            case Style.TABLE:
                print_report(summary, next_steps, self._places, self._console(sys.stdout))
            case Style.JSON:
                print(json.dumps(self._document(summary, next_steps)))
            case Style.IDS:
                print("\n".join(job.id for job in jobs))

    def _document(self, summary: Summary, next_steps: Sequence[Advice]) -> dict[str, object]:
        """The summary for programs."""
        return {
            "directory": str(self._folder.path),
            "config": str(self._folder.settings),
            "page": str(self._folder.page) if summary.pictures else None,
            **to_builtins(summary),
            "next": to_builtins(next_steps),
        }

    def _say(self, text: str) -> None:
        """Something for people, beside the data."""
        if self._style is not Style.IDS:
            print(text, file=sys.stderr, flush=True)

    def _console(self, stream: TextIO) -> Console:
        """A terminal, or what stands in its place: there lines may be as long as they like."""
        from rich.console import Console

        on_terminal = stream.isatty()
        colored = self._color == "always" or (self._color == "auto" and on_terminal and not os.environ.get("NO_COLOR"))
        return Console(
            file=stream,
            width=None if on_terminal else UNCUT,
            force_terminal=on_terminal or colored,
            color_system="standard" if colored else None,
            markup=False,
            emoji=False,
            highlight=False,
        )


def _connect(config: Config) -> Client:
    """The Python API, on the folder's store and with its handlers, so that payloads are checked at once."""
    return connect(config=config, plugins=load_plugins(config))
