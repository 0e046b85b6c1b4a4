"""The thread that records outcomes, and on the way there progress and checkpoints."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from jobq.drivers.protocol import Driver, Session
from jobq.errors import TryAgain, Unreachable
from jobq.jobs import ErrorInfo, Failed, Note, Settled, Settlement
from jobq.worker.errand import Errand, Watch

MOST = 1000
BETWEEN_NOTES = 0.1

Recorded = Callable[[Sequence[tuple[Settlement, Settled]]], None]


class Settler:
    """Settles whatever has gathered while the last batch was under way.

    Notes are written first: a checkpoint that came after its own attempt's end would be stale, and lost.

    A batch that fails for want of a store is tried again as it is: the token makes that safe, and its jobs are
    not forgotten for as long as this process lives. What was recorded goes to `recorded` from this thread.
    """

    def __init__(self, driver: Driver, recorded: Recorded, watch: Watch) -> None:
        self._driver = driver
        self._recorded = recorded
        self._watch = watch
        self._lock = threading.Lock()
        self._waiting: list[tuple[Session, Settlement]] = []
        self._notes: dict[tuple[str, str, bool], tuple[Session, Note]] = {}
        self._next_notes = 0.0
        self.errand = Errand("settle", self._turn, watch)

    def put(self, session: Session, settlements: Sequence[Settlement]) -> None:
        """Record these under the session that claimed them."""
        with self._lock:
            self._waiting += [(session, settlement) for settlement in settlements]
        self.errand.nudge()

    def note(self, session: Session, note: Note) -> None:
        """Remember progress or a checkpoint; of several of one kind about one job, only the last is written."""
        with self._lock:
            self._notes[(note.id, note.token, note.checkpoint is None)] = (session, note)
        self.errand.nudge()

    def drop(self) -> int:
        """The session was lost and everything with it; returns how many settlements that concerns."""
        with self._lock:
            count = len(self._waiting)
            self._waiting.clear()
            self._notes.clear()
            return count

    @property
    def unsettled(self) -> int:
        """How many outcomes the store does not have yet."""
        return len(self._waiting)

    def _turn(self) -> float | None:
        with self._lock:
            batch, notes = self._waiting[:MOST], dict(self._notes)
        if not batch and notes and (early := self._next_notes - time.monotonic()) > 0:
            return early
        if notes:
            self._write(notes)
        if batch:
            self._settle(batch)
        return 0.0 if self._waiting or self._notes else None

    def _write(self, notes: Mapping[tuple[str, str, bool], tuple[Session, Note]]) -> None:
        session = next(iter(notes.values()))[0]
        mine = [note for owner, note in notes.values() if owner is session]
        try:
            self._driver.annotate(session, mine)
        except (Unreachable, TryAgain):
            raise
        except Exception:  # noqa: BLE001 (one note that the store refuses must not cost the others, nor the worker)
            self._write_singly(session, mine)
        self._next_notes = time.monotonic() + BETWEEN_NOTES
        with self._lock:
            self._notes = {key: item for key, item in self._notes.items() if notes.get(key) is not item}

    def _write_singly(self, session: Session, notes: Sequence[Note]) -> None:
        for note in notes:
            try:
                self._driver.annotate(session, [note])
            except (Unreachable, TryAgain):
                raise
            except Exception as error:  # noqa: BLE001
                self._watch.notice("note.refused", job_id=note.id, error=repr(error))

    def _settle(self, batch: Sequence[tuple[Session, Settlement]]) -> None:
        session = batch[0][0]
        part = [settlement for owner, settlement in batch if owner is session]
        try:
            results = self._driver.settle(session, part)
        except (Unreachable, TryAgain):
            raise
        except Exception:  # noqa: BLE001 (as above)
            results = [self._settle_somehow(session, settlement) for settlement in part]
        with self._lock:
            done = {id(settlement) for settlement in part}
            self._waiting = [item for item in self._waiting if id(item[1]) not in done]
        self._recorded(list(zip(part, results, strict=True)))

    def _settle_somehow(self, session: Session, settlement: Settlement) -> Settled:
        """Record an outcome that the store may refuse: then the job fails, and says why."""
        try:
            return self._driver.settle(session, [settlement])[0]
        except (Unreachable, TryAgain):
            raise
        except Exception as refusal:  # noqa: BLE001
            self._watch.notice("settlement.refused", job_id=settlement.id, error=repr(refusal))
            error = ErrorInfo(type="OutcomeRefused", message=f"the store refused the outcome: {type(refusal).__name__}")
            failed = msgspec.structs.replace(settlement, outcome=Failed(error=error, reason="exhausted"))
            return self._driver.settle(session, [failed])[0]
