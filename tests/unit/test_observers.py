"""Plugins hear what happens, and cannot change it."""

from __future__ import annotations

from pathlib import Path

import pytest

import jobq
from jobq.app import plugins_here
from jobq.config import load_config
from jobq.errors import JobFailed

WATCHER = """
from jobq import Discard, hookimpl, job

heard = []

@job("work:good")
def good(payload):
    return 1

@job("work:bad")
def bad(payload):
    raise Discard("no")

@hookimpl
def jobq_job_enqueued(job):
    heard.append(("enqueued", job.name))

@hookimpl
def jobq_before_job(ctx):
    heard.append(("before", ctx.name))

@hookimpl
def jobq_job_completed(job, outcome):
    heard.append(("completed", outcome.result))
    raise RuntimeError("a watcher that stumbles")

@hookimpl
def jobq_job_failed(job, outcome):
    heard.append(("failed", outcome.reason))

@hookimpl
def jobq_after_job(ctx, outcome):
    heard.append(("after", type(outcome).__name__))
"""


@pytest.fixture
def client(tmp_path: Path) -> jobq.Client:
    (tmp_path / "watcher.py").write_text(WATCHER)
    config = load_config(dsn="sync://", environ={}, cwd=tmp_path)
    return jobq.connect(config=config, plugins=plugins_here(config, plugin_dirs=[tmp_path]))


def _heard(client: jobq.Client) -> list[tuple[str, object]]:
    heard: list[tuple[str, object]] = client.registry.get("work:good").function.__globals__["heard"]
    return heard


def test_every_step_of_a_job_is_heard_in_order(client: jobq.Client) -> None:
    client.enqueue("work:good")

    assert _heard(client) == [
        ("enqueued", "work:good"),
        ("before", "work:good"),
        ("after", "Completed"),
        ("completed", "1"),
    ]


def test_a_watcher_that_raises_changes_no_outcome(client: jobq.Client) -> None:
    assert client.run("work:good") == 1


def test_a_discarded_job_is_heard_to_fail(client: jobq.Client) -> None:
    with pytest.raises(JobFailed, match="no"):
        client.run("work:bad")

    assert ("failed", "discarded") in _heard(client)
