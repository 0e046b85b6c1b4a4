"""A service that is down, and then is not."""

from __future__ import annotations

import socket

import pytest

from jobq.quickstart.handlers import LOOPBACK, Message, deliver
from jobq.quickstart.receiver import Receiver


def test_it_refuses_until_it_is_open() -> None:
    with Receiver() as receiver:
        with pytest.raises(ConnectionRefusedError):
            deliver(Message(port=receiver.port, text="hello"))
        assert not receiver.is_open

        receiver.open()
        receiver.open()

        assert deliver(Message(port=receiver.port, text="hello")) == {"receipt": "received 6 bytes"}


def test_nobody_else_gets_its_port() -> None:
    with Receiver() as receiver, socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind((LOOPBACK, receiver.port))


def test_somebody_who_hangs_up_does_not_stop_it() -> None:
    with Receiver() as receiver:
        receiver.open()
        for _ in range(3):
            socket.create_connection((LOOPBACK, receiver.port)).close()

        assert deliver(Message(port=receiver.port, text="")) == {"receipt": "received 1 bytes"}


def test_a_service_that_hangs_up_without_a_receipt_is_a_failure() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        import threading

        def hang_up() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile() as lines:
                lines.readline()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(ConnectionError, match="without a receipt"):
            deliver(Message(port=server.getsockname()[1], text="hello"))
        thread.join()


def test_it_is_gone_when_it_is_left() -> None:
    with Receiver() as receiver:
        receiver.open()
        port = receiver.port

    with pytest.raises(ConnectionRefusedError):
        deliver(Message(port=port, text="hello"))
