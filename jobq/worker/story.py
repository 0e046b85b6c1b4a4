"""What becomes of jobs, as events for the log."""

from __future__ import annotations

from jobq.jobs import Cancelled, Completed, Failed, Retried
from jobq.worker.errand import Notice
from jobq.worker.executor import Ended


class Story:
    """Tells how jobs end. Uneventful ends are told only when somebody wants `details`: they are most of them."""

    def __init__(self, notice: Notice, *, details: bool) -> None:
        self._notice = notice
        self._details = details

    def tell(self, ended: Ended) -> None:
        """Log one end: `job.completed`, `job.retrying`, `job.failed` or `job.cancelled`."""
        match ended.outcome:
            case Completed():
                if self._details:
                    self._say("job.completed", ended)
            case Retried(error=error, delay=delay):
                self._say("job.retrying", ended, error=f"{error.type}: {error.message}", delay=round(delay, 3))
            case Failed(error=error, reason=reason):
                self._say("job.failed", ended, error=f"{error.type}: {error.message}", reason=reason)
            case Cancelled(reason=reason):
                self._say("job.cancelled", ended, reason=reason)
            case _:
                return  # back in line, and nobody's fault

    def _say(self, event: str, ended: Ended, **more: object) -> None:
        claim = ended.claim
        self._notice(
            event,
            job_id=claim.id,
            job_name=claim.name,
            queue=claim.queue,
            attempt=claim.attempt,
            duration=round(ended.elapsed, 6),
            **more,
        )
