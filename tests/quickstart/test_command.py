"""`jobq quickstart` as everybody meets it: on the real library, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import jobq
from jobq.jobs import State
from jobq.quickstart.plan import PICTURES

CHECKOUT = Path(jobq.__file__).parents[1]
ENOUGH = 60.0


@contextmanager
def quickstart(here: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Start it in a folder; whatever it started is gone in the end, too."""
    process = subprocess.Popen(
        [sys.executable, "-m", "jobq", "quickstart", *options], cwd=here, env=environment(), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            for pid in (*children(process.pid), process.pid):
                if process.poll() is None:
                    os.kill(pid, signal.SIGKILL)


def environment() -> dict[str, str]:
    """jobq may be imported from the checkout."""
    paths = [str(CHECKOUT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for text in lists for child in text.read_text().split()]


def until_some_are_done(process: subprocess.Popen[str]) -> None:
    """Wait for the first word of progress."""
    assert process.stderr is not None
    assert any(" of " in line and " jobs" in line for line in iter(process.stderr.readline, "")), "it ended early"


def states(here: Path) -> dict[str, int]:
    """How many jobs are in which state."""
    with jobq.connect(f"sqlite://{here}/jobq-quickstart/jobs.db") as client:
        return {state: count for state in State if (count := client.count(state=state))}


def test_the_whole_story_takes_less_than_a_minute(tmp_path: Path) -> None:
    began = time.monotonic()

    with quickstart(tmp_path) as process:
        out, err = process.communicate(timeout=ENOUGH)

    assert process.returncode == 0, err
    assert time.monotonic() - began < ENOUGH
    assert states(tmp_path).keys() == {State.COMPLETED, State.FAILED}
    assert states(tmp_path)[State.COMPLETED] > 300
    assert "retried  ConnectionRefusedError" in out
    assert "failed   '(' was never closed" in out
    assert (tmp_path / "jobq-quickstart" / "index.html").is_file()
    assert "\x1b" not in out + err


def test_it_works_where_it_is_told_to(tmp_path: Path) -> None:
    odd = "two words, 100%25 ?#ü"

    with quickstart(tmp_path, "--directory", odd, "--json") as process:
        out, err = process.communicate(timeout=ENOUGH)

    assert process.returncode == 0, err
    document = json.loads(out)
    assert (document["waiting"], len(document["pictures"])) == (0, PICTURES)
    assert [path.name for path in tmp_path.iterdir()] == [odd]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_can_be_stopped_and_continued(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with quickstart(tmp_path) as process:
        until_some_are_done(process)
        process.send_signal(number)
        out, err = process.communicate(timeout=ENOUGH)

    left = states(tmp_path)
    assert process.returncode == code
    assert out == ""
    assert left[State.PENDING] > 0
    assert State.RUNNING not in left
    assert f"stopped; {left[State.PENDING] + left.get(State.RETRYING, 0)} jobs are still in line" in err

    (command,) = (line.strip() for line in err.splitlines() if "worker --drain" in line)
    subprocess.run(
        command, shell=True, cwd=tmp_path, env=environment(), check=True, timeout=ENOUGH, capture_output=True
    )
    assert states(tmp_path).keys() == {State.COMPLETED, State.FAILED}


def test_ctrl_c_reaches_the_worker_twice_and_is_still_one_stop(tmp_path: Path) -> None:
    with quickstart(tmp_path) as process:
        until_some_are_done(process)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
        process.communicate(timeout=ENOUGH)

    assert process.returncode == 130
    log = (tmp_path / "jobq-quickstart" / "worker.log").read_text()
    assert log.count("worker.stopping") == 1
    assert State.RUNNING not in states(tmp_path)


def test_a_worker_that_is_killed_is_told(tmp_path: Path) -> None:
    with quickstart(tmp_path) as process:
        until_some_are_done(process)
        (worker,) = children(process.pid)
        os.kill(worker, signal.SIGKILL)
        out, err = process.communicate(timeout=ENOUGH)

    assert process.returncode == 128 + signal.SIGKILL
    assert "the worker ended with exit code 137" in err
    assert "waiting" in out
    assert "finish what is still in line" in out
