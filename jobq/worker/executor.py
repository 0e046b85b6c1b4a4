"""What the engine runs jobs on: children, threads of this process, or nothing but a test's list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from jobq.jobs import Claim, HandlerInfo, NewJob, Note, Outcome
from jobq.policy import Limits


class Assignment(NamedTuple):
    """A claim with its options resolved."""

    claim: Claim
    limits: Limits


class Ended(NamedTuple):
    """What became of a claim; `elapsed` is how many seconds its handler ran."""

    claim: Claim
    outcome: Outcome
    elapsed: float


class Asked(NamedTuple):
    """A running handler wants jobs enqueued; `answer` takes the ids, or an error."""

    jobs: Sequence[NewJob]
    answer: Answer


class Answer(Protocol):
    """Where the reply to an `Asked` goes; may be called from any thread."""

    def __call__(self, ids: Sequence[str], error: Exception | None) -> None: ...


class Running(NamedTuple):
    """A job under way, for people who ask."""

    claim: Claim
    seconds: float
    place: str


Event = Ended | Asked | Note


class Executor(Protocol):
    """Runs assignments and says how they ended. Called from one thread only, except `wake`."""

    def handlers(self) -> Sequence[HandlerInfo]:
        """What it can run."""

    def room(self) -> int:
        """How many more claims it could use now."""

    def expect_alone(self, waiting: int) -> bool:
        """So many claims wait that must run alone: make room for one; True when it could be submitted now."""

    def submit(self, assignments: Sequence[Assignment]) -> None:
        """Start them, in this order, as soon as may be."""

    def wait(self, timeout: float) -> list[Event]:
        """Wait for something to happen, at most `timeout` seconds, and say what did."""

    def wake(self) -> None:
        """End a `wait` early, from any thread."""

    def outstanding(self) -> int:
        """How many claims were submitted and have not ended."""

    def running(self) -> list[Running]:
        """What has started and not ended."""

    def revoke(self) -> list[Claim]:
        """Take back what has not started."""

    def cancel(self, job_id: str, *, kill: bool, reason: str | None) -> None:
        """Ask a job to stop; `kill` ends its process."""

    def interrupt(self) -> None:
        """Tell everything that runs that the worker is leaving."""

    def kill(self) -> None:
        """End everything that runs now; it comes back as released."""
