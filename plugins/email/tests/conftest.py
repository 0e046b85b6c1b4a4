"""What the tests of the email plugin share: a certificate authority, and settings for a server on this machine."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest
import trustme

from jobq_email.address import parse_address
from jobq_email.settings import Settings


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("JOBQ_EMAIL_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def certificate(authority: trustme.CA) -> ssl.SSLContext:
    """The server's side of TLS, for the host name `localhost`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def settings() -> Settings:
    """For a server without encryption; a test adds its port and what is special."""
    return Settings(host="localhost", sender=parse_address("Shop <shop@example.com>"), tls="none", timeout=5)


@pytest.fixture
def greeter() -> Iterator[Callable[[bytes], int]]:
    """Open a port where the first caller is told one thing and nothing more; returns its number."""
    with ExitStack() as stack:

        def listen(greeting: bytes) -> int:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            thread = Thread(target=_greet, args=(listener, greeting))
            thread.start()
            stack.callback(thread.join)
            return int(listener.getsockname()[1])

        yield listen


def _greet(listener: socket.socket, greeting: bytes) -> None:
    caller, _ = listener.accept()
    with caller:
        caller.sendall(greeting)
        caller.shutdown(socket.SHUT_WR)
        while caller.recv(1024):
            pass
