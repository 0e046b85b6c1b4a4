"""`jobq worker`: what it is told becomes settings; what it has drained becomes one document."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from jobq.cli.notices import level_of
from jobq.cli.options import Given
from jobq.cli.workeroptions import WorkerOptions, make_settings, read_queues
from jobq.config import load_config
from jobq.drivers.protocol import Share
from jobq.worker.supervisor import SupervisorSettings
from tests.cli.shell import Shell


def settings(*, config: dict[str, Any] | None = None, **options: Any) -> SupervisorSettings:
    """What a worker would be told, with nothing in the environment."""
    found = load_config(environ={"HOME": "/nowhere"}, cwd=Path("/"), **(config or {}))
    return make_settings(found, WorkerOptions(**options), Given(), "info")


def test_nothing_typed_leaves_everything_to_the_configuration() -> None:
    found = settings(
        config={"worker": {"processes": 3, "concurrency": 5, "shutdown_timeout": "7s", "max_jobs_per_child": 9}}
    )

    assert (found.pool.processes, found.pool.concurrency, found.pool.max_jobs_per_child) == (3, 5, 9)
    assert (found.engine.shutdown_timeout, found.engine.drain, found.engine.demand.queues) == (7.0, False, ())
    assert found.engine.keeper.ages == {"completed": 86400.0, "cancelled": 604800.0, "failed": 2592000.0}


def test_what_is_typed_wins() -> None:
    found = settings(
        queues="critical,default", exclude_queues="slow", processes="2", concurrency="10", drain=True, max_jobs="5",
        max_runtime="1m", shutdown_timeout="4s", max_jobs_per_child="100", max_memory_per_child="512M", name="w1",
    )  # fmt: skip

    assert found.engine.demand.queues == (Share("critical"), Share("default"))
    assert found.engine.demand.exclude == {"slow"}
    assert not found.engine.demand.weighted
    assert (found.pool.processes, found.pool.concurrency, found.pool.max_memory_per_child) == (2, 10, 512 * 2**20)
    assert (found.engine.max_jobs, found.engine.max_runtime, found.engine.shutdown_timeout) == (5, 60.0, 4.0)
    assert (found.name, found.engine.drain) == ("w1", True)


@pytest.mark.parametrize(
    ("text", "shares", "weighted"),
    [
        ("a", [("a", 1)], False),
        ("a, b ,c", [("a", 1), ("b", 1), ("c", 1)], False),
        ("critical:5,high:3,default", [("critical", 5), ("high", 3), ("default", 1)], True),
    ],
)  # fmt: skip
def test_queues_are_read_in_their_order_with_their_weights(
    text: str, shares: list[tuple[str, int]], *, weighted: bool
) -> None:
    assert read_queues(text) == (tuple(Share(*share) for share in shares), weighted)


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({}, 3),
        ({"processes": "5"}, 5),
        ({"max_processes": "2"}, 2),
        ({"min_processes": "4", "max_processes": "8"}, 4),
        ({"processes": "5", "max_processes": "8"}, 5),
    ],
)  # fmt: skip
def test_the_number_of_processes_begins_within_its_bounds(options: dict[str, Any], first: int) -> None:
    assert settings(config={"worker": {"processes": 3}}, **options).pool.processes == first


def test_its_processes_find_the_same_configuration_and_plugins(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("")
    config = load_config(tmp_path / "mine.toml", environ={"HOME": "/nowhere"}, cwd=tmp_path)

    boot = make_settings(config, WorkerOptions(), Given(dsn="sqlite://x", plugin_dir=["plugins"]), "debug").boot  # type: ignore[list-item]

    assert boot.config == str(tmp_path / "mine.toml")
    assert boot.overrides == {"dsn": "sqlite://x", "log.level": "debug"}
    assert [Path(folder).is_absolute() for folder in boot.plugin_dirs] == [True]


@pytest.mark.parametrize(
    ("event", "fields", "level"),
    [
        ("worker.started", {}, logging.INFO),
        ("store.unreachable", {}, logging.WARNING),
        ("lease.lost", {}, logging.WARNING),
        ("child.exited", {"expected": False}, logging.WARNING),
        ("child.exited", {"expected": True}, logging.DEBUG),
        ("child.ready", {}, logging.DEBUG),
    ],
)  # fmt: skip
def test_an_event_gets_the_attention_it_deserves(event: str, fields: dict[str, Any], level: int) -> None:
    assert level_of(event, fields) == level


def test_a_drain_sums_up_as_one_document_and_logs_beside_it(shell: Shell) -> None:
    shell.enqueue("hello:greet", "-a", "name=Ada")
    shell.enqueue("hello:fail")

    done = shell.spawn("worker", "--drain", "--json", "--processes", "1")

    assert done.code == 0
    assert done.out.count("\n") == 1
    assert list(done.document) == ["processed", "completed", "failed", "retried", "duration"]
    assert {**done.document, "duration": 0} == {
        "processed": 2,
        "completed": 1,
        "failed": 1,
        "retried": 0,
        "duration": 0,
    }
    events = [json.loads(line)["event"] for line in done.err.splitlines()]
    assert {"worker.starting", "worker.started", "job.output", "worker.stopped"} <= set(events)
    assert shell("handlers", "list", "--json").document["items"][0]["plugin"] == "hello"


def test_a_drain_may_fail_for_jobs_that_failed_and_says_so_in_a_line(shell: Shell) -> None:
    shell.enqueue("hello:fail")

    done = shell.spawn("worker", "--drain", "--fail-on-error", "--processes", "1", "-q", "--queues", "default")
    told = shell.spawn("worker", "--drain", "--processes", "1")

    assert (done.code, done.out) == (1, "")
    assert [json.loads(line)["event"] for line in done.err.splitlines()] == ["job.failed"]
    assert (told.code, told.out) == (0, "0 attempts in 0s: 0 completed, 0 failed, 0 retried\n")


def test_a_broken_plugin_stops_a_worker_unless_it_is_skipped(shell: Shell) -> None:
    shell.write("plugins/broken.py", "import nosuchmodule\n")

    refused = shell.spawn("worker", "--drain", "--json", "--processes", "1")
    skipped = shell.spawn("worker", "--drain", "--json", "--processes", "1", "--skip-broken-plugins")

    assert (refused.code, refused.document["error"]["code"]) == (78, "plugin")
    assert "broken.py:1" in refused.document["error"]["message"]
    assert (skipped.code, skipped.document["processed"]) == (0, 0)


def test_an_installation_that_is_switched_off_runs_nothing(shell: Shell) -> None:
    shell.set(JOBQ_ENABLED="false")

    done = shell("worker", "--drain", "--json")

    assert (done.code, done.document["error"]["code"]) == (78, "disabled")
