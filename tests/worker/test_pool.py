"""How many children there are, and when they are replaced."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from jobq.jobs import State
from tests.worker.harness import Work, wait_for

pytestmark = pytest.mark.timeout(120)


def test_children_are_recycled_by_jobs(work: Work) -> None:
    ids = [work.enqueue("work:nap", {"ms": 5}) for _ in range(40)]

    work.drain("--processes", 1, "--max-jobs-per-child", 10)

    assert len({row["pid"] for row in work.history("start")}) >= 3
    assert {(work.job(id).state, work.job(id).crashes) for id in ids} == {(State.COMPLETED, 0)}


def test_children_are_recycled_by_memory(work: Work) -> None:
    for _ in range(4):
        work.enqueue("work:bloat", {"mib": 150})
        work.enqueue("work:nap", {"ms": 300})

    work.drain("--processes", 1, "--max-memory-per-child", "120M")

    assert len({row["pid"] for row in work.history("start")}) >= 3
    assert work.client.count(state="completed") == 8


def test_the_number_of_children_follows_the_backlog_both_ways(work: Work) -> None:
    worker = work.worker("--min-processes", 1, "--max-processes", 3, "--processes", 1)
    worker.saw("child.ready")
    for _ in range(80):
        work.enqueue("work:nap", {"ms": 150})

    wait_for(lambda: len(worker.children()) == 3, 20)
    wait_for(lambda: len(worker.children()) == 1, 60)

    assert work.client.count(state="completed") == 80


def test_a_plugin_that_does_not_load_stops_the_worker(work: Work, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "bad.py").write_text("\nimport nothing_of_that_name\n")

    worker = work.worker(plugins=folder)

    assert worker.wait() == 78
    text = "\n".join(str(row) for row in worker.log())
    assert "bad.py" in text
    assert "nothing_of_that_name" in text
    assert "Traceback" not in text


def test_children_that_die_at_birth_are_not_made_in_a_frenzy(work: Work, tmp_path: Path) -> None:
    folder = tmp_path / "suicidal"
    folder.mkdir()
    (folder / "bad.py").write_text(
        "import os\nfrom jobq import job\nos.register_at_fork(after_in_child=lambda: _die())\n_template = os.getpid()\n"
        "def _die():\n    if os.getppid() != _template:\n        os._exit(9)\n"
        "@job('work:noop')\ndef noop(payload):\n    pass\n"
    )
    worker = work.worker("--processes", 1, plugins=folder)
    exits = worker.saw("child.exited", 4, seconds=30)

    assert len(exits) < 12
    assert worker.process.poll() is None
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0


def test_an_idle_worker_sleeps(work: Work) -> None:
    worker = work.worker("--processes", 2)
    worker.saw("child.ready", 2)
    family = [worker.pid, *worker.children()]
    before = [_cpu_seconds(pid) for pid in family]
    looks = len(work.history())
    id = work.enqueue("work:noop", {}, delay=3)
    work.until(id, "completed")

    spent = sum(_cpu_seconds(pid) for pid in family) - sum(before)

    assert spent < 0.4, f"{spent:.2f} s of CPU in 3 s of waiting"
    assert looks == 0


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
