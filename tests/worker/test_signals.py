"""Every row of the signal table, on real processes."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from jobq.jobs import HandlerInfo, State
from tests.worker.harness import HANDLERS, Work, Worker, is_alive, wait_for

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_lets_running_jobs_finish(work: Work, number: signal.Signals) -> None:
    short = [work.enqueue("work:nap", {"ms": 1000}) for _ in range(2)]
    waiting = work.enqueue("work:nap", {"ms": 10}, priority="low")
    worker = work.worker("--processes", 2)
    work.started(2)

    worker.signal(number)

    assert worker.wait() == 0
    assert [work.job(id).state for id in short] == [State.COMPLETED] * 2
    assert (work.job(waiting).state, work.job(waiting).attempt) == (State.PENDING, 0)


def test_what_is_still_running_after_the_grace_time_goes_back_unburnt(work: Work) -> None:
    ids = [work.enqueue("work:nap", {"ms": ms}) for ms in (1000, 1200, *[60000] * 6)]
    worker = work.worker("--processes", 2, "--concurrency", 4, "--shutdown-timeout", "3s")
    work.started(8)
    children = worker.children()
    began = time.monotonic()

    worker.signal(signal.SIGTERM)

    assert worker.wait() == 75
    assert 3 <= time.monotonic() - began < 6
    assert not any(is_alive(child) for child in children)
    jobs = [work.job(id) for id in ids]
    assert [job.state for job in jobs[:2]] == [State.COMPLETED] * 2
    assert [(job.state, job.attempt, job.errors) for job in jobs[2:]] == [(State.PENDING, 0, ())] * 6
    work.worker("--processes", 2, "--concurrency", 4)
    assert {row["attempt"] for row in work.started(14)[8:]} == {1}


def test_a_second_signal_forces(work: Work) -> None:
    id = work.enqueue("work:nap", {"ms": 60000})
    worker = work.worker("--processes", 1)
    work.started(1)
    worker.signal(signal.SIGTERM)
    worker.signal(signal.SIGTERM)  # orchestrators repeat themselves: this one does not count
    stopping = worker.saw("worker.stopping")
    assert len(stopping) == 1
    began = time.monotonic()
    wait_for(lambda: time.monotonic() - began > 1.1)

    worker.signal(signal.SIGTERM)

    assert worker.wait(5) == 130
    assert (work.job(id).state, work.job(id).attempt) == (State.PENDING, 0)


def test_hup_reloads_handlers_and_lets_running_jobs_finish(work: Work, tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "work.py").write_text((HANDLERS / "work.py").read_text())
    (plugins / "version.py").write_text(_version(1))
    running = work.enqueue("work:nap", {"ms": 2500})
    worker = work.worker("--processes", 1, plugins=plugins)
    work.started(1)

    (plugins / "version.py").write_text(_version(2) + _version(2).replace("version", "fresh"))
    worker.signal(signal.SIGHUP)
    worker.saw("worker.reloaded")
    new = work.enqueue("work:version")

    assert work.until(new, "completed").result == 2
    assert "work:fresh" in {info.name for info in wait_for(lambda: _known(work, "work:fresh"))}
    assert work.until(running, "completed").attempt == 1
    assert len(work.history("start", running)) == 1


def test_a_reload_that_fails_keeps_the_old_and_says_so(work: Work, tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "version.py").write_text(_version(1))
    worker = work.worker("--processes", 1, plugins=plugins)
    worker.saw("child.ready")

    (plugins / "version.py").write_text("import nothing_of_that_name\n")
    worker.signal(signal.SIGHUP)

    (said,) = worker.saw("worker.reload_failed")
    assert "version.py" in said["error"]
    assert "nothing_of_that_name" in said["error"]
    assert work.until(work.enqueue("work:version"), "completed").result == 1


def test_tstp_is_quiet_and_cont_resumes(work: Work) -> None:
    worker = work.worker("--processes", 1)
    worker.saw("child.ready")
    worker.signal(signal.SIGTSTP)
    worker.saw("worker.quiet")
    id = work.enqueue("work:nap", {"ms": 10})
    began = time.monotonic()
    wait_for(lambda: time.monotonic() - began > 1.5)
    assert work.job(id).state is State.PENDING

    worker.signal(signal.SIGCONT)

    assert work.until(id, "completed").attempt == 1


def test_ttin_and_ttou_change_the_number_of_children(work: Work) -> None:
    worker = work.worker("--processes", 1)
    worker.saw("child.ready")

    worker.signal(signal.SIGTTIN)
    wait_for(lambda: len(worker.children()) == 2)
    worker.signal(signal.SIGTTOU)
    wait_for(lambda: len(worker.children()) == 1)

    assert worker.process.poll() is None


def test_usr1_dumps_running_jobs_and_stacks_even_of_a_stuck_child(work: Work) -> None:
    id = work.enqueue("work:stuck", {"s": 60}, timeout=120)
    worker = work.worker("--processes", 1)
    work.started(1)

    worker.signal(signal.SIGUSR1)

    (running,) = worker.saw("job.running")
    assert (running["job_id"], running["job_name"]) == (id, "work:stuck")
    wait_for(lambda: any("in stuck" in row.get("raw", "") for row in worker.log()))
    assert any("in run_once" in row.get("raw", "") for row in worker.log())


def test_usr2_replaces_the_children_one_by_one(work: Work) -> None:
    worker = work.worker("--processes", 2)
    worker.saw("child.ready", 2)
    before = set(worker.children())

    worker.signal(signal.SIGUSR2)

    wait_for(lambda: len(set(worker.children())) == 2 and not before & set(worker.children()))
    assert worker.process.poll() is None


def test_a_signal_to_the_whole_group_is_one_to_the_supervisor(work: Work) -> None:
    id = work.enqueue("work:nap", {"ms": 1000})
    worker = work.worker("--processes", 1)
    work.started(1)
    for pid in [*worker.children(), worker.template()]:
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)

    worker.signal(signal.SIGTERM)

    assert worker.wait() == 0
    assert work.job(id).state is State.COMPLETED


@pytest.mark.parametrize("moment", [0.0, 0.02, 0.1, 0.3])
def test_a_worker_stops_cleanly_at_any_moment_of_its_start(work: Work, moment: float) -> None:
    worker = work.worker("--processes", 2)
    began = time.monotonic()
    wait_for(lambda: time.monotonic() - began >= moment and _listens_to_signals(worker))

    worker.signal(signal.SIGTERM)

    assert worker.wait(10) == 0
    assert not [row for row in worker.log() if "Traceback" in row.get("raw", "")]


def test_systemd_hears_how_things_stand(work: Work, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "n"))
        manager.settimeout(20)
        worker = work.worker(NOTIFY_SOCKET=str(tmp_path / "n"), WATCHDOG_USEC="3000000")
        said = _hear(manager, until="READY=1")
        said += _hear(manager, until="WATCHDOG=1")
        worker.signal(signal.SIGHUP)
        said += _hear(manager, until="RELOADING=1")
        said += _hear(manager, until="READY=1")
        worker.signal(signal.SIGTERM)
        said += _hear(manager, until="STOPPING=1")

    assert worker.wait() == 0
    assert any("MONOTONIC_USEC=" in message for message in said)
    assert any(message.startswith("STATUS=running: ") for message in said)


def _hear(manager: socket.socket, *, until: str) -> list[str]:
    said: list[str] = []
    while not said or until not in said[-1]:
        said.append(manager.recv(4096).decode())
    return said


def _known(work: Work, name: str) -> list[HandlerInfo]:
    """What the store knows of a name."""
    inspector = work.client.driver.inspector
    assert inspector is not None
    return [info for info in inspector.handlers() if info.name == name]


def _version(number: int) -> str:
    return f"from jobq import job\n\n\n@job('work:version')\ndef version(payload):\n    return {number}\n"


def _listens_to_signals(worker: Worker) -> bool:
    """Whether it handles SIGTERM yet: before that, the interpreter itself is still starting."""
    caught = next(
        line for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines() if line.startswith("SigCgt")
    )
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
