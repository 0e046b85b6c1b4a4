"""What every test may rely on: a world of its own, and a PostgreSQL server when it asks for one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.postgres import Cluster, PostgresMissing, database, kinds

# A slow moment of a shared machine is no finding.
settings.register_profile("jobq", deadline=None)
settings.load_profile("jobq")


class Servers:
    """The servers of this run by kind, each started when first asked for and ended with the run.

    `known` are those that another process of the same run has started.
    """

    def __init__(self, known: dict[str, str]) -> None:
        self._known = known
        self._started = ExitStack()

    def dsn(self, kind: str) -> str:
        """Return the address of its maintenance database; raises PostgresMissing."""
        if kind == "given":
            return os.environ["JOBQ_TEST_DSN"]
        if kind not in self._known:
            self._known[kind] = self._started.enter_context(Cluster(kind)).dsn
        return self._known[kind]

    def close(self) -> None:
        self._started.close()


SERVERS = pytest.StashKey[Servers]()


def pytest_configure(config: pytest.Config) -> None:
    workerinput: dict[str, Any] = getattr(config, "workerinput", {})
    config.stash[SERVERS] = Servers(workerinput.get("postgres", {}))


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[SERVERS].close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Start the servers before pytest-xdist starts a worker, so that all workers share them."""
    servers = node.config.stash[SERVERS]
    try:
        node.workerinput["postgres"] = {kind: servers.dsn(kind) for kind in kinds(os.environ)}
    except PostgresMissing:
        # Only a test that wants a server may fail for it, and will say why.
        node.workerinput["postgres"] = {}


@pytest.fixture(scope="session", autouse=True)
def _own_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the developer's own settings and stores out of the tests, and the tests out of them.

    A JOBQ_DSN in somebody's shell may be a production queue.
    """
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as environ:
        for name in tuple(os.environ):
            foreign = name.startswith(("JOBQ_", "PG", "XDG_", "AWS_", "SQS_"))
            if foreign and not name.startswith("JOBQ_TEST_"):
                environ.delenv(name)
        # The project's own plugins are installed beside the tests, which bring handlers of their own.
        environ.setenv("JOBQ_PLUGINS__ALLOW", "[]")
        environ.setenv("XDG_STATE_HOME", str(home / "state"))
        environ.setenv("XDG_CONFIG_HOME", str(home / "config"))
        yield home


@pytest.fixture(scope="session", params=kinds(os.environ))
def postgres_server(request: pytest.FixtureRequest) -> str:
    """The DSN of a server's maintenance database, for `tests.postgres.create_database` and its like."""
    try:
        return request.config.stash[SERVERS].dsn(request.param)
    except PostgresMissing as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture
def postgres_dsn(postgres_server: str) -> Iterator[str]:
    """The DSN of a fresh, empty database, dropped after the test."""
    with database(postgres_server) as dsn:
        yield dsn
