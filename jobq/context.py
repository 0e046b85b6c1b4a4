"""What a handler gets to know and may ask for while it runs.

A `Context` belongs to one attempt. Whatever leaves the process (an enqueue, progress, a checkpoint) goes
through a `Port`, so that the same handler runs in a child, on a thread of a web process, or inline in a test.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from jobq import payload as json_text
from jobq.errors import InvalidValue
from jobq.interrupt import Interruptible
from jobq.jobs import Claim, Inserted, Job, State
from jobq.policy import Limits

if TYPE_CHECKING:
    import structlog


class Port(Protocol):
    """The way out of a running job."""

    def enqueue(self, parent: Claim, name: str, payload: Any, options: Mapping[str, Any]) -> Inserted:
        """Put another job in line; what is inherited from `parent` is the port's business."""

    def note(self, claim: Claim, *, percent: float | None, message: str | None, checkpoint: str | None) -> None:
        """Remember progress or a checkpoint."""

    def complete(self, connection: Any, claim: Claim, result: str | None) -> None:
        """Settle the claim as completed on the handler's own database connection, inside its transaction."""

    def logger(self, claim: Claim) -> structlog.typing.FilteringBoundLogger:
        """A logger that carries the job's name and id."""


class Context:
    """One attempt, as its handler sees it. `claim` is what the worker holds; handlers want `job` and the rest."""

    def __init__(self, claim: Claim, limits: Limits, port: Port, interruptible: Interruptible) -> None:
        self.claim = claim
        self._limits = limits
        self._port = port
        self._interruptible = interruptible
        self._started_at = datetime.now(UTC)
        self.payload: Any = None
        self.was_completed = False

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.claim.id

    @property
    def name(self) -> str:
        """The job's name."""
        return self.claim.name

    @property
    def queue(self) -> str:
        """The queue it waited in."""
        return self.claim.queue

    @property
    def attempt(self) -> int:
        """Which attempt this is, counted from 1."""
        return self.claim.attempt

    @property
    def max_attempts(self) -> int:
        """How many attempts there are in all."""
        return self._limits.max_attempts

    @property
    def is_last_attempt(self) -> bool:
        """Whether a failure now is final."""
        return self.attempt >= self.max_attempts

    @property
    def tags(self) -> tuple[str, ...]:
        """The job's tags."""
        return self.claim.tags

    @cached_property
    def metadata(self) -> Mapping[str, Any]:
        """What the caller attached, read-only."""
        return MappingProxyType(json_text.decode(self.claim.metadata))

    @property
    def deadline(self) -> datetime:
        """When the timeout strikes, by this machine's clock."""
        return self._started_at + timedelta(seconds=self._limits.timeout)

    @property
    def cancelled(self) -> bool:
        """True as soon as the job should stop: cancelled, timed out, or the worker is leaving."""
        return self._interruptible.why is not None

    def check(self) -> None:
        """Raise `JobCancelled`, `JobTimeout` or `JobInterrupted` if the job should stop; call it in long loops."""
        if self._interruptible.why is not None:
            raise self._interruptible.error()

    @cached_property
    def job(self) -> Job:
        """The whole job, read-only."""
        claim = self.claim
        return Job(
            id=claim.id,
            name=claim.name,
            queue=claim.queue,
            state=State.RUNNING,
            priority=claim.priority,
            attempt=claim.attempt,
            max_attempts=self._limits.max_attempts,
            crashes=claim.crashes,
            payload=json_text.decode(claim.payload),
            metadata=dict(self.metadata),
            tags=claim.tags,
            unique_key=claim.unique_key,
            partition_key=claim.partition_key,
            run_at=claim.run_at,
            created_at=claim.created_at,
            updated_at=self._started_at,
            started_at=self._started_at,
            expires_at=claim.expires_at,
            timeout=self._limits.timeout,
            batch_id=claim.batch_id,
            schedule=claim.schedule,
            max_crashes=self._limits.max_crashes,
            backoff=self._limits.backoff,
            losses=claim.losses,
            rounds=claim.rounds,
        )

    @cached_property
    def log(self) -> structlog.typing.FilteringBoundLogger:
        """A structlog logger, bound to this job."""
        return self._port.logger(self.claim)

    def progress(self, percent: float, message: str | None = None) -> None:
        """Say how far the job is, from 0 to 100; the store keeps the last word.

        Raises `InvalidValue` for what is no finite number.
        """
        share = float(percent)
        if not math.isfinite(share):
            raise InvalidValue(f"progress must be a number from 0 to 100, not {percent!r}")
        text = None if message is None else json_text.clean_text(str(message), json_text.MAX_NOTE)
        self._port.note(self.claim, percent=min(100.0, max(0.0, share)), message=text, checkpoint=None)

    def checkpoint(self, value: Any) -> None:
        """Keep a JSON value for the next attempt; raises `BadPayload` if it is not JSON."""
        text = json_text.encode(value)
        self._checkpoint_value = value
        self._port.note(self.claim, percent=None, message=None, checkpoint=text)

    @property
    def checkpoint_value(self) -> Any:
        """What `checkpoint` kept last, in this attempt or an earlier one; None before the first."""
        return self._checkpoint_value

    @cached_property
    def _checkpoint_value(self) -> Any:
        return None if self.claim.checkpoint is None else json_text.decode(self.claim.checkpoint)

    def enqueue(self, name: str, payload: Any = None, /, **options: Any) -> Inserted:
        """Put another job in line, with the keywords of `Client.enqueue`; it inherits the correlation id."""
        return self._port.enqueue(self.claim, name, payload, options)

    def complete(self, connection: Any, result: Any = None) -> None:
        """Settle this job as completed inside the transaction of the handler's own `connection`.

        The connection is to the queue's own database; when it commits, effects and completion are one.
        """
        text, warning = json_text.encode_result(result)
        if warning is not None:
            self.log.warning("job.result_dropped", reason=warning)
        self._port.complete(connection, self.claim, text)
        self.was_completed = True
