"""What a failed attempt leads to.

Pure decisions, shared by the child that saw the exception and the
supervisor that saw the process die.

Options are resolved once for each claim, nearest first: what the enqueue said, what the handler declares, what
the configuration says. Nothing here reads a clock or touches a store.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from msgspec import Struct

from jobq.backoff import parse_backoff
from jobq.jobs import Claim, ErrorInfo, Failed, HandlerInfo, Outcome, Released, Retried, Suspected

T = TypeVar("T")
CUSTOM_BACKOFF = "custom"


class Defaults(Protocol):
    """The part of the configuration that stands in when neither job nor handler says anything."""

    @property
    def max_attempts(self) -> int:
        """How often a job may run in all."""

    @property
    def max_crashes(self) -> int:
        """How many dead processes a job may cause."""

    @property
    def timeout(self) -> float:
        """How long an attempt may run, in seconds."""

    @property
    def backoff_text(self) -> str:
        """The backoff as text."""


class PlainDefaults(Struct, frozen=True, kw_only=True):
    """`Defaults` as plain values, so that they can travel from the process that read the configuration."""

    max_attempts: int
    max_crashes: int
    timeout: float
    backoff_text: str


class Limits(Struct, frozen=True, kw_only=True, array_like=True):
    """A claim's options, resolved. `timeout` is in seconds; `backoff` is its text, or `custom`."""

    max_attempts: int
    max_crashes: int
    timeout: float
    backoff: str


def limits_of(claim: Claim, handler: HandlerInfo | None, defaults: Defaults) -> Limits:
    """Resolve what the claim leaves open; every retry by hand grants the first `max_attempts` once more."""
    declared = handler or HandlerInfo(name=claim.name)
    first = _first(claim.max_attempts, declared.max_attempts, defaults.max_attempts)
    return Limits(
        max_attempts=first * (claim.rounds + 1),
        max_crashes=_first(claim.max_crashes, declared.max_crashes, defaults.max_crashes),
        timeout=_first(claim.timeout, declared.timeout, defaults.timeout),
        backoff=_first(claim.backoff, declared.backoff, defaults.backoff_text),
    )


def _first(*candidates: T | None) -> T:
    return next(candidate for candidate in candidates if candidate is not None)


def after_failure(claim: Claim, limits: Limits, error: ErrorInfo, delay: float) -> Outcome:
    """Try again after `delay` seconds while attempts are left."""
    if claim.attempt >= limits.max_attempts:
        return Failed(error=error, reason="exhausted")
    return Retried(error=error, delay=delay)


def after_crash(claim: Claim, limits: Limits, error: ErrorInfo, delay: float, *, guilty: bool) -> Outcome:
    """The process died. Only a job that was alone in it can be held to account."""
    if not guilty:
        return Suspected(error=error)
    if claim.crashes + 1 >= limits.max_crashes:
        return Failed(error=error, reason="crashed", crash=True)
    if claim.attempt >= limits.max_attempts:
        return Failed(error=error, reason="exhausted", crash=True)
    return Retried(error=error, delay=delay, crash=True)


def delay_without_handler(limits: Limits, attempt: int, defaults: Defaults) -> float:
    """The backoff when the handler's process is gone: a function only the child knew falls back to the default."""
    text = defaults.backoff_text if limits.backoff == CUSTOM_BACKOFF else limits.backoff
    return parse_backoff(text)(attempt)


RELEASED = Released()
