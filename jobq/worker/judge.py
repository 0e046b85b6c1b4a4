"""The supervisor's verdicts, for when the handler's own process cannot say anything any more."""

from __future__ import annotations

import signal

from jobq.jobs import Claim, ErrorInfo, HandlerInfo, Outcome
from jobq.policy import Defaults, Limits, after_crash, after_failure, delay_without_handler, limits_of
from jobq.worker.executor import Assignment

_NOTHING_GIVEN = (None, None, None, None)


class Judge:
    """Policy with the configuration's defaults at hand."""

    def __init__(self, defaults: Defaults) -> None:
        self.defaults = defaults
        self._plain: dict[tuple[str, HandlerInfo | None], Limits] = {}

    def renew(self, defaults: Defaults) -> None:
        """Another configuration holds from now on."""
        self.defaults = defaults
        self._plain.clear()

    def assign(self, claim: Claim, handler: HandlerInfo | None) -> Assignment:
        """Resolve a claim's options; claims that leave everything to their handler share one answer."""
        given = claim.max_attempts, claim.max_crashes, claim.timeout, claim.backoff
        if claim.rounds or given != _NOTHING_GIVEN:
            return Assignment(claim, limits_of(claim, handler, self.defaults))
        limits = self._plain.get((claim.name, handler))
        if limits is None:
            limits = self._plain[(claim.name, handler)] = limits_of(claim, handler, self.defaults)
        return Assignment(claim, limits)

    def timed_out(self, claim: Claim, limits: Limits) -> Outcome:
        """It had to be killed for running on after its timeout."""
        text = f"ran past its timeout of {limits.timeout:g} s and did not stop when asked; its process was killed"
        return after_failure(claim, limits, ErrorInfo(type="JobTimeout", message=text), self._delay(claim, limits))

    def crashed(self, claim: Claim, limits: Limits, how: str, *, guilty: bool) -> Outcome:
        """Its process died under it."""
        error = ErrorInfo(type="WorkerCrashed", message=f"the process that ran the job {how}")
        return after_crash(claim, limits, error, self._delay(claim, limits), guilty=guilty)

    def _delay(self, claim: Claim, limits: Limits) -> float:
        return delay_without_handler(limits, claim.attempt, self.defaults)


def manner_of_death(status: int) -> str:
    """Say in words what `waitpid` reported (as a return code: negative for a signal)."""
    if status >= 0:
        return f"exited with code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = "a signal"
    return f"was killed by {name} (signal {-status})"
