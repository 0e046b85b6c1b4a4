"""The thread that carries what running handlers ask of the store."""

from __future__ import annotations

from collections import deque

from jobq.drivers.protocol import Driver
from jobq.errors import JobqError, Unreachable
from jobq.worker.errand import Errand, Watch
from jobq.worker.executor import Asked


class Messenger:
    """New jobs on their way to the store, and the answers on their way back."""

    def __init__(self, driver: Driver, watch: Watch) -> None:
        self._driver = driver
        self._asked: deque[Asked] = deque()
        self.errand = Errand("messages", self._turn, watch)

    def put(self, asked: Asked) -> None:
        """Take a question; its handler waits for the answer."""
        self._asked.append(asked)
        self.errand.nudge()

    def _turn(self) -> float | None:
        while self._asked:
            self._answer(self._asked[0])
            self._asked.popleft()
        return None

    def _answer(self, asked: Asked) -> None:
        try:
            ids = [inserted.id for inserted in self._driver.insert(list(asked.jobs))]
        except Unreachable:
            raise
        except JobqError as error:
            asked.answer([], error)
        else:
            asked.answer(ids, None)
