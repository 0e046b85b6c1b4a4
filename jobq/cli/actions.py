"""What can be done to many jobs at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from jobq.client import Client
from jobq.errors import InvalidState
from jobq.jobs import State


class Action(Protocol):
    """Something that is done to jobs: `verb` for the question, `done` for the answer."""

    @property
    def verb(self) -> str:
        """`cancel`."""

    @property
    def done(self) -> str:
        """`cancelled`."""

    def many(self, ids: Sequence[str]) -> Sequence[str]:
        """Do it to many; returns those that were changed."""

    def one(self, id: str) -> None:
        """Do it to one; raises what is in the way."""


class Cancel:
    """Cancel: at once what waits, by asking what runs; `kill` ends its process."""

    verb, done = "cancel", "cancelled"

    def __init__(self, client: Client, *, kill: bool, reason: str | None) -> None:
        self._client = client
        self._kill = kill
        self._reason = reason

    def many(self, ids: Sequence[str]) -> Sequence[str]:
        """Cancel many."""
        return self._client.cancel_all(ids, kill=self._kill, reason=self._reason)

    def one(self, id: str) -> None:
        """Cancel one, or say why not."""
        self._client.cancel(id, kill=self._kill, reason=self._reason)


class Retry:
    """Put back in line, `delay` seconds from now."""

    verb, done = "retry", "retried"

    def __init__(self, client: Client, *, delay: float = 0.0) -> None:
        self._client = client
        self._delay = delay

    def many(self, ids: Sequence[str]) -> Sequence[str]:
        """Retry many."""
        return self._client.retry_all(ids, delay=self._delay)

    def one(self, id: str) -> None:
        """Retry one, or say why not."""
        self._client.retry(id)


class RetryFailed(Retry):
    """Put back in line what has failed, and only that."""

    def many(self, ids: Sequence[str]) -> Sequence[str]:
        """Retry those of them that have failed."""
        return super().many([id for id in ids if self._has_failed(id)])

    def one(self, id: str) -> None:
        """Retry one, or say why not."""
        job = self._client.get(id)
        if job.state is not State.FAILED:
            raise InvalidState(f"job {id} is {job.state}, not failed", hint="`jobq jobs retry` takes other states too")
        super().one(id)

    def _has_failed(self, id: str) -> bool:
        return self._client.get(id).state is State.FAILED
