"""Retrying a crowd without a stampede: a few first, the rest at a rate.

The rate is kept by the store and not by this process: each portion goes back in line for a later time, so that the
command ends at once and a closed laptop stops nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import NamedTuple, Self

from jobq.cli.actions import RetryFailed
from jobq.cli.bulk import Chosen, Report, apply, portions
from jobq.cli.session import Session
from jobq.cli.waiting import wait_for
from jobq.client import Client
from jobq.durations import parse_duration
from jobq.errors import InvalidValue
from jobq.jobs import State

_RATE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*/\s*(.+?)\s*")
_UNIT = re.compile(r"[a-z]+", re.IGNORECASE)
SHORTEST_STEP = 0.1
MOST = 1e6


class Rate(NamedTuple):
    """So many jobs in so many seconds."""

    jobs: float
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `50/s`, `600/m`, `10/30s`; raises `InvalidValue`."""
        found = _RATE.fullmatch(text)
        jobs = float(found[1]) if found is not None else 0.0
        if found is None or not 0 < jobs <= MOST:
            raise cls._refusal(text)
        seconds = parse_duration(f"1{found[2]}" if _UNIT.fullmatch(found[2]) else found[2], what="--rate")
        if seconds <= 0:
            raise cls._refusal(text)
        return cls(jobs, seconds)

    @staticmethod
    def _refusal(text: str) -> InvalidValue:
        return InvalidValue(f"--rate {text!r:.60} is not a rate", hint="write it like 50/s, 600/m or 10/30s")

    @property
    def step(self) -> tuple[int, float]:
        """How many jobs at a time, and how many seconds apart."""
        each = self.seconds / self.jobs
        count = max(1, round(SHORTEST_STEP / each))
        return count, count * each


def retry_canaries(session: Session, client: Client, ids: Sequence[str]) -> str | None:
    """Wait for the first ones; what went wrong with them, None when all have completed."""
    if not ids:
        return None
    bad = [job for job in wait_for(session, client, ids, None) if job.state is not State.COMPLETED]
    return f"{len(bad):,} of the first {len(ids):,} did not complete ({bad[0].id} is {bad[0].state})" if bad else None


def retry_spread(session: Session, client: Client, ids: Sequence[str], rate: Rate | None) -> Report:
    """Put the rest back in line, one portion after the other."""
    size, pause = rate.step if rate is not None else (len(ids) or 1, 0.0)
    began, report = time.monotonic(), Report(matched=0)
    for number, (_, portion) in enumerate(portions(ids, size)):
        delay = max(0.0, number * pause - (time.monotonic() - began))
        action = RetryFailed(client, delay=delay)
        report = report.and_then(apply(session, action, Chosen(list(portion), (), by_id=True)))
    return report
