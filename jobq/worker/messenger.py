"""The thread that carries what running handlers ask of the store."""

from __future__ import annotations

from jobq.drivers.protocol import Driver, Session
from jobq.errors import JobqError, Unreachable
from jobq.jobs import Note
from jobq.worker.errand import Errand, Watch
from jobq.worker.executor import Asked


class Messenger:
    """New jobs, progress and checkpoints, on their way to the store."""

    def __init__(self, driver: Driver, watch: Watch) -> None:
        self._driver = driver
        self._session: Session | None = None
        self._asked: list[Asked] = []
        self._notes: dict[tuple[str, str, bool], Note] = {}
        self.errand = Errand("messages", self._turn, watch)

    def serve(self, session: Session | None) -> None:
        """Notes belong to this session's claims."""
        self._session = session

    def put(self, event: Asked | Note) -> None:
        """Take a message; of several notes of one kind about one job, only the last is written."""
        if isinstance(event, Asked):
            self._asked.append(event)
        else:
            self._notes[(event.id, event.token, event.checkpoint is None)] = event
        self.errand.nudge()

    def _turn(self) -> float | None:
        while self._asked:
            self._answer(self._asked[0])
            self._asked.pop(0)
        # One step, so that a note that comes in meanwhile lands in the next batch.
        notes, self._notes = self._notes, {}
        if notes and self._session is not None:
            self._driver.annotate(self._session, list(notes.values()))
            return 0.1
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
