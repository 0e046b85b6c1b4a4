"""The process that owns a private PostgreSQL server, and ends it when its owner ends, however that happens.

It is the server's parent, in a session of its own, and does one request at a time: a line of JSON on standard
input, answered by a line on standard output. When standard input closes, or the owner's process is gone, it
stops the server and deletes its directory. A start that the owner did not live to see ends the same way, since
the next thing read is the end.

Against handlers in the owner (`atexit`, a pytest hook): SIGKILL runs none of them. Against `pg_ctl`: a server that
is nobody's child has to be found again by a number in a file. The cost: one small Python process for each server.
"""

from __future__ import annotations

import json
import os
import pwd
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

READY_WITHIN = 30.0
DIES_FOR_GOOD_AFTER = 5.0
STOPPED_WITHIN = 30.0
MODES = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
SETTINGS = """
listen_addresses = '127.0.0.1'
max_connections = 200
# No test's own zone, and no whole hour away from UTC: an instant that lost its zone is noticed.
timezone = 'Asia/Kathmandu'
"""
NOT_DURABLE = """
fsync = off
full_page_writes = off
max_wal_size = 256MB
"""
# A database is some three hundred small files: 15 ms here, ten times that on many a disk.
MEMORY = Path("/dev/shm")
ENOUGH_MEMORY = 2 * 1024**3


def main() -> None:
    """Serve one owner: the arguments are its process id, a directory, the server's binaries, and a word."""
    owner, directory, binaries, durability = sys.argv[1:]
    server = Server(Path(directory), Path(binaries), durable=durability == "durable")
    signal.signal(signal.SIGTERM, _leave)
    try:
        for request in _requests(int(owner)):
            _answer(server, request)
    finally:
        server.stop("immediate")
        server.delete()


def _leave(*_: object) -> None:
    sys.exit(0)


def _requests(owner: int) -> Iterator[dict[str, str]]:
    """Yield what the owner asks for until it has gone.

    A process that the owner has forked may hold the other end of the pipe open, so the owner's life is looked at too.
    """
    while os.getppid() == owner:
        readable, _, _ = select.select([sys.stdin], [], [], 1.0)
        if readable:
            request = json.loads(sys.stdin.readline() or '{"do": "end"}')
            if request["do"] == "end":
                return
            yield request


def _answer(server: Server, request: dict[str, str]) -> None:
    match request:
        case {"do": "start"}:
            server.start()
        case {"do": "stop", "mode": mode}:
            server.stop(mode)
    reply = {"port": server.port, "pid": server.pid, "problem": server.problem}
    try:
        print(json.dumps(reply), flush=True)
    except BrokenPipeError:
        sys.exit(0)


class Server:
    """One data directory, and the postmaster that runs on it or not.

    Unless it is durable its data is kept in memory, where there is enough of it. `problem` is the end of the log
    when the last start failed, else None. The port is chosen at the first start and kept, so that clients find a
    restarted server where it was.
    """

    def __init__(self, directory: Path, binaries: Path, *, durable: bool) -> None:
        self.port = 0
        self.problem: str | None = None
        self._directory = directory
        self._data = directory / "data"
        self._log = directory / "log"
        self._binaries = binaries
        self._durable = durable
        self._postmaster: subprocess.Popen[bytes] | None = None
        self._was_ready = False

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it lives."""
        alive = self._postmaster is not None and self._postmaster.poll() is None
        return self._postmaster.pid if self._postmaster and alive else None

    def start(self) -> None:
        """Run the server and wait until it takes connections; does nothing when it runs.

        A start that dies is tried again for a while: a port may be taken meanwhile, and what a killed postmaster
        leaves behind holds its memory until it has noticed.
        """
        self.problem = None
        give_up = time.monotonic() + DIES_FOR_GOOD_AFTER
        if self.pid is not None or not self._has_data():
            return
        while not self._run():
            if time.monotonic() > give_up or self.pid is not None:
                self.problem = self._end_of_log()
                self.stop("immediate")
                return
            threading.Event().wait(0.1)

    def stop(self, mode: str) -> None:
        """End the server as PostgreSQL's shutdown modes say, and wait for it; does nothing when it does not run."""
        if self._postmaster is None or self.pid is None:
            return
        self._postmaster.send_signal(MODES[mode])
        # A test may have frozen it; a frozen process ends only when it is woken.
        self._postmaster.send_signal(signal.SIGCONT)
        try:
            self._postmaster.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self._postmaster.kill()
            self._postmaster.wait()

    def delete(self) -> None:
        """Remove every trace of a stopped server."""
        shutil.rmtree(self._data.resolve(), ignore_errors=True)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _has_data(self) -> bool:
        """Fill the data directory unless that is done; False when it fails."""
        if (self._data / "postgresql.conf").exists():
            return True
        self._make_folders()
        try:
            made = self._initdb()
        except PermissionError:
            self._copy_programs()
            made = self._initdb()
        if not made:
            self.problem = self._end_of_log()
            return False
        with (self._data / "postgresql.conf").open("a") as conf:
            conf.write(SETTINGS if self._durable else SETTINGS + NOT_DURABLE)
        return True

    def _make_folders(self) -> None:
        """Make the data directory, on disk or in memory, and give everything to who runs the server."""
        self.delete()
        self._directory.mkdir(mode=0o700)
        in_memory = not self._durable and MEMORY.exists() and shutil.disk_usage(MEMORY).free > ENOUGH_MEMORY
        if in_memory:
            self._data.symlink_to(tempfile.mkdtemp(prefix=f"{self._directory.name}-", dir=MEMORY))
        else:
            self._data.mkdir(mode=0o700)
        user = _unprivileged_user()
        if user is not None:
            for path in (self._directory, self._data):
                os.chown(path, user.pw_uid, user.pw_gid)

    def _copy_programs(self) -> None:
        """Bring the programs to where they can be run: a checkout, and the wheel in it, may be for root only."""
        install = self._binaries.parent
        package = install.parent
        copy = self._directory / "server"
        shutil.copytree(install, copy / package.name / install.name, symlinks=True)
        # A wheel has its libraries beside the package, and its programs look for them there.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name)
        owner = self._directory.stat()
        for path in (copy, *copy.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
        self._binaries = copy / package.name / install.name / self._binaries.name

    def _initdb(self) -> bool:
        # Not named jobq: "$user" is in the search path, and would hide that a statement forgot its schema.
        role = ["--username=tester", "--auth=trust"]
        with self._log.open("ab") as log:
            made = self._popen("initdb", ["--no-sync", "--no-locale", "--encoding=UTF8", *role], log)
            return made.wait() == 0

    def _run(self) -> bool:
        """Start the postmaster once and wait; False when it has died, or is not ready in time."""
        if not self._was_ready:
            self.port = _free_port()
        with self._log.open("ab") as log:
            self._postmaster = self._popen("postgres", ["-p", str(self.port), "-k", str(self._directory)], log)
        give_up = time.monotonic() + READY_WITHIN
        while time.monotonic() < give_up:
            if self._is_ready():
                self._was_ready = True
                return True
            try:
                self._postmaster.wait(0.01)
            except subprocess.TimeoutExpired:
                continue
            return False
        return False

    def _is_ready(self) -> bool:
        """Whether the postmaster's own lock file says so: its first line is the pid, its eighth the status."""
        try:
            lines = (self._data / "postmaster.pid").read_text().split()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(self.pid)] and lines[-1] == "ready"

    def _popen(self, program: str, arguments: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        user = _unprivileged_user()
        as_user: dict[str, Any] = {}
        if user is not None:
            as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        return subprocess.Popen(
            [self._binaries / program, "-D", self._data, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self._directory,
            env={"LC_ALL": "C", "PATH": os.defpath},
            **as_user,
        )

    def _end_of_log(self) -> str:
        return self._log.read_text(errors="replace")[-2000:] if self._log.exists() else ""


def _unprivileged_user() -> pwd.struct_passwd | None:
    """Who runs the server: PostgreSQL refuses to run as root. None means: the user we are."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _free_port() -> int:
    """Find a port below those that outgoing connections use, so that nobody takes it while the server is down."""
    while True:
        port = 20000 + secrets.randbelow(12000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


if __name__ == "__main__":
    main()
