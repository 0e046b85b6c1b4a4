"""The private server: it is there, it is whole, and it goes when its owner goes."""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.postgres import KEEPER, Cluster, PostgresMissing, create_database, database, find_binaries, kinds

OWNER = """
import sys
from tests.postgres import Cluster
with Cluster() as cluster:
    print(cluster.pid, cluster._keeper.pid, cluster.directory, cluster.dsn, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


def setting(dsn: str, name: str) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        assert row is not None
        return str(row[0])


def wait_for_the_end_of(pid: int) -> None:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with os.fdopen(process):
        assert select.select([process], [], [], 30)[0], f"process {pid} lives on"


def test_the_server_is_our_own(cluster: Cluster) -> None:
    assert setting(cluster.dsn, "data_directory") == str(cluster.directory / "data")
    assert setting(cluster.dsn, "listen_addresses") == "127.0.0.1"
    assert setting(cluster.dsn, "unix_socket_directories") == str(cluster.directory)
    assert setting(cluster.dsn, "max_connections") == "200"


def test_the_server_does_not_run_as_root(cluster: Cluster) -> None:
    assert cluster.pid is not None

    assert Path(f"/proc/{cluster.pid}").stat().st_uid != 0
    assert stat.S_IMODE(cluster.directory.stat().st_mode) == 0o700


def test_only_a_durable_server_waits_for_the_disk(cluster: Cluster) -> None:
    with Cluster(durable=True) as durable:
        assert setting(durable.dsn, "fsync") == "on"
        assert setting(durable.dsn, "full_page_writes") == "on"
    assert setting(cluster.dsn, "fsync") == "off"


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restarted_server_is_where_it_was_with_what_it_had(cluster: Cluster, mode: str) -> None:
    first, port = cluster.pid, cluster.port
    with database(cluster.dsn) as dsn:
        with psycopg.connect(dsn) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1")

        cluster.restart(mode)  # type: ignore[arg-type]

        assert cluster.port == port
        assert cluster.pid != first
        with psycopg.connect(dsn) as connection:
            assert connection.execute("TABLE kept").fetchall() == [(1,)]


def test_a_server_that_was_killed_can_be_started_again(cluster: Cluster) -> None:
    assert cluster.pid is not None
    os.kill(cluster.pid, signal.SIGKILL)
    wait_for_the_end_of(cluster.pid)

    cluster.start()

    assert setting(cluster.dsn, "port") == str(cluster.port)


def test_stopping_and_starting_twice_is_fine(cluster: Cluster) -> None:
    cluster.stop()
    cluster.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(cluster.dsn)

    cluster.start()
    pid = cluster.pid
    cluster.start()

    assert cluster.pid == pid


def test_a_closed_server_leaves_nothing() -> None:
    cluster = Cluster().start()
    pid, directory = cluster.pid, cluster.directory
    data = (directory / "data").resolve()
    assert pid is not None
    assert data.exists()

    cluster.close()
    cluster.close()

    assert not directory.exists()
    assert not data.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_server_ends_when_its_frozen_self_is_closed() -> None:
    cluster = Cluster().start()
    assert cluster.pid is not None
    os.kill(cluster.pid, signal.SIGSTOP)

    cluster.close()

    with pytest.raises(RuntimeError, match="never started"):
        cluster.stop()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_ends_when_its_owner_is_killed(how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    ) as owner:
        assert owner.stdout is not None
        server, keeper, directory, dsn = owner.stdout.readline().split()
        assert setting(dsn, "data_directory").startswith(directory)

        owner.send_signal(how)

        owner.wait(10)
        wait_for_the_end_of(int(server))
        wait_for_the_end_of(int(keeper))
    assert not Path(directory).exists()


def test_a_server_ends_with_its_owner_though_a_fork_still_holds_the_pipe() -> None:
    forks = OWNER.replace(
        "sys.stdin.read()", "import os, signal; os.fork() and os.kill(os.getpid(), 9); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", forks], stdout=subprocess.PIPE, text=True, process_group=0) as owner:
        assert owner.stdout is not None
        server, keeper, directory, _ = owner.stdout.readline().split()
        try:
            owner.wait(10)
            wait_for_the_end_of(int(server))
            wait_for_the_end_of(int(keeper))
        finally:
            os.killpg(owner.pid, signal.SIGKILL)
    assert not Path(directory).exists()


def test_each_test_has_an_empty_database_of_its_own(postgres_server: str, postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        tables = connection.execute("SELECT * FROM pg_tables WHERE schemaname = 'public'").fetchall()

    assert tables == []
    assert postgres_dsn != postgres_server


def test_a_database_can_be_copied_and_is_dropped_in_use(postgres_server: str, postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("CREATE TABLE copied AS SELECT 1")

    with database(postgres_server, template=postgres_dsn) as dsn:
        connection = psycopg.connect(dsn)
        assert connection.execute("TABLE copied").fetchall() == [(1,)]

    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(dsn)


def test_database_names_do_not_repeat_with_the_random_seed(cluster: Cluster) -> None:
    assert create_database(cluster.dsn) != create_database(cluster.dsn)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"JOBQ_TEST_DSN": "postgresql://x", "JOBQ_TEST_PG": "wheel"}, ("given",)),
        ({"JOBQ_TEST_PG": "wheel"}, ("wheel",)),
        ({"JOBQ_TEST_PG": "both"}, ("system", "wheel")),
    ],
)
def test_the_environment_chooses_the_server(environ: dict[str, str], expected: tuple[str, ...]) -> None:
    assert kinds(environ) == expected


def test_an_unknown_choice_is_an_error() -> None:
    with pytest.raises(PostgresMissing, match="JOBQ_TEST_PG is 'maria'; it must be one of system, wheel, both"):
        kinds({"JOBQ_TEST_PG": "maria"})


def test_a_missing_server_is_an_error_that_says_how_to_get_one() -> None:
    script = "from tests.postgres import Cluster; Cluster('wheel').start()"

    run = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, timeout=30, check=False)

    assert run.returncode == 1
    assert "apt-get install postgresql" in run.stderr
    assert "JOBQ_TEST_DSN" in run.stderr


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    programs = tmp_path / "install" / "bin"
    programs.mkdir(parents=True)
    (programs / "initdb").write_text("#!/bin/sh\necho the disk is full\nexit 1\n")
    (programs / "initdb").chmod(0o755)

    own = tempfile.mkdtemp()

    run = subprocess.run(
        [sys.executable, "-I", KEEPER, str(os.getpid()), own, programs, "fast"],
        input='{"do": "start"}\n',
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert "the disk is full" in run.stdout
    assert not Path(own).exists()


def test_the_programs_are_those_of_a_server() -> None:
    assert (find_binaries(kinds({})[0]) / "initdb").exists()
