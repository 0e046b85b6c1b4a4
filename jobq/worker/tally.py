"""What a worker has settled, counted."""

from __future__ import annotations

import time
from dataclasses import dataclass

from jobq.jobs import Completed, Failed, Retried, Settled, Settlement


@dataclass
class Tally:
    """What was settled. `processed` counts attempts; `failed` counts jobs that became failed."""

    completed: int = 0
    failed: int = 0
    retried: int = 0
    lost: int = 0
    first_claim: float | None = None
    last_settled: float | None = None

    @property
    def processed(self) -> int:
        """Attempts that were settled as completed, failed or retried."""
        return self.completed + self.failed + self.retried

    def add(self, settlement: Settlement, settled: Settled) -> None:
        """Count one settlement."""
        if settled is Settled.LOST:
            self.lost += 1
            return
        self.last_settled = time.monotonic()
        match settlement.outcome:
            case Completed():
                self.completed += 1
            case Failed():
                self.failed += 1
            case Retried():
                self.retried += 1

    def summary(self) -> dict[str, int | float]:
        """What `--drain` prints: `duration` runs from the first claim to the last settlement, in seconds."""
        span = (self.last_settled or 0.0) - (self.first_claim or 0.0) if self.first_claim and self.last_settled else 0.0
        return {
            "processed": self.processed,
            "completed": self.completed,
            "failed": self.failed,
            "retried": self.retried,
            "duration": round(max(0.0, span), 6),
        }
