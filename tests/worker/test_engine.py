"""The engine on threads of this process and the memory store: the same loop as under the supervisor."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from jobq.backoff import fixed
from jobq.config import load_config
from jobq.drivers.memory import MemoryDriver
from jobq.drivers.protocol import Demand
from jobq.handlers import Registry
from jobq.ids import new_id
from jobq.jobs import Job, NewJob, SessionInfo, State
from jobq.pipeline import EventLoop, Pipeline
from jobq.requests import RequestMaker
from jobq.schema import checker
from jobq.worker.engine import Engine
from jobq.worker.judge import Judge
from jobq.worker.local import ThreadExecutor
from jobq.worker.settings import EngineSettings
from jobq.worker.settle_on import settle_on
from tests.worker.harness import wait_for


class Scene:
    """An engine on threads, driven by the test."""

    def __init__(self, **settings: Any) -> None:
        self.driver = MemoryDriver()
        self.registry = Registry()
        self.stuck: list[str] = []
        self.release = threading.Event()
        self.began = threading.Event()
        for name, function in (("noop", _noop), ("fail", _fail), ("hold", self._hold), ("ask", _ask), ("loop", _loop)):
            self.registry.add(f"work:{name}", function, timeout=0.2, max_attempts=2, backoff=fixed(0.01))
        config = load_config(dsn="memory://", environ={})
        infos = {info.name: info for info in self.registry.infos()}
        maker = RequestMaker(infos.get, checker(self.registry), default_queue="default", max_payload=1 << 20)
        judge = Judge(config.defaults)
        self.loop = EventLoop()
        self.executor = ThreadExecutor(
            Pipeline(self.registry, (), self.loop), judge, list(infos.values()), maker,
            concurrency=2, kill_grace=0.1, settle_on=settle_on, stuck=self.stuck.append,
        )  # fmt: skip
        told = EngineSettings(demand=Demand(limit=1, names=frozenset()), poll_interval=0.05, **settings)
        self.engine = Engine(self.driver, self.executor, told, judge, info=_info, notice=_ignore)

    def insert(self, *names: str) -> list[str]:
        jobs = [NewJob(id=new_id(), name=f"work:{name}") for name in names]
        return [inserted.id for inserted in self.driver.insert(jobs)]

    def run_until(self, look: Callable[[], Any]) -> None:
        """Start the engine and turn its loop until `look` is true."""
        self.engine.start()
        self.turn_until(look)

    def turn_until(self, look: Callable[[], Any]) -> None:
        wait_for(lambda: (self.engine.run_once(0.02), look())[1])

    def job(self, id: str) -> Job:
        job = self.driver.get(id)
        assert job is not None
        return job

    def close(self) -> None:
        self.release.set()
        self.engine.stop_now()
        self.turn_until(lambda: self.engine.is_finished)
        self.executor.close()
        self.loop.close()

    def _hold(self, payload: Any) -> None:
        """Wait without end in a call that lets no exception in."""
        self.began.set()
        self.release.wait(20)


@pytest.fixture
def scene() -> Iterator[Scene]:
    world = Scene(drain=True)
    yield world
    world.close()


def test_a_drain_ends_when_nothing_is_left(scene: Scene) -> None:
    ids = scene.insert("noop", "fail", "noop")

    scene.run_until(lambda: scene.engine.is_finished)

    assert [scene.job(id).state for id in ids] == [State.COMPLETED, State.FAILED, State.COMPLETED]
    assert scene.engine.tally.summary() | {"duration": 0} == {
        "processed": 4, "completed": 2, "failed": 1, "retried": 1, "duration": 0,
    }  # fmt: skip


def test_a_handler_enqueues_through_the_engine(scene: Scene) -> None:
    (id,) = scene.insert("ask")

    scene.run_until(lambda: scene.engine.is_finished)

    assert scene.job(str(scene.job(id).result)).state is State.COMPLETED


def test_a_timeout_is_raised_in_the_thread(scene: Scene) -> None:
    (id,) = scene.insert("loop")

    scene.run_until(lambda: scene.engine.is_finished)

    assert [error.type for error in scene.job(id).errors] == ["JobTimeout", "JobTimeout"]
    assert scene.stuck == []


def test_a_thread_that_does_not_come_back_is_given_up_and_reported() -> None:
    scene = Scene()
    (held,) = scene.insert("hold")

    scene.run_until(lambda: scene.job(held).state is State.FAILED)

    assert scene.stuck == ["work:hold", "work:hold"]
    assert [error.type for error in scene.job(held).errors] == ["JobTimeout"] * 2
    (other,) = scene.insert("noop")
    scene.turn_until(lambda: scene.job(other).state is State.COMPLETED)
    scene.close()


def test_stopping_gives_back_what_has_not_started() -> None:
    scene = Scene(shutdown_timeout=5)
    ids = scene.insert("hold", "hold", "noop", "noop")
    scene.run_until(scene.began.is_set)

    scene.engine.stop()
    scene.release.set()
    scene.turn_until(lambda: scene.engine.is_finished)

    assert [(scene.job(id).state, scene.job(id).attempt) for id in ids[2:]] == [(State.PENDING, 0)] * 2
    scene.close()


def _noop(payload: Any) -> None:
    """Do nothing."""


def _fail(payload: Any) -> None:
    raise ValueError("as asked")


def _ask(payload: Any, ctx: Any) -> str:
    return str(ctx.enqueue("work:noop").id)


def _loop(payload: Any) -> None:
    while True:
        pass


def _info() -> SessionInfo:
    return SessionInfo(id=str(uuid4()), name="test", host="here", pid=1, version="0")


def _ignore(event: str, **fields: Any) -> None:
    """The log of these tests."""
