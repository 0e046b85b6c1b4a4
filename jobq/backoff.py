"""Backoff: how long a failed job waits before its next attempt.

Decision: *full* jitter, a delay drawn evenly from zero up to what the policy says without it. Jobs that failed
together because something they share went away would otherwise come back together and push it over again.
Marc Brooker's simulation ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015) compares the forms:
equal jitter, which keeps half of the delay, does more work and takes longer; decorrelated jitter is about as
good, but needs the previous delay, which a job does not carry, and bunches at its maximum. Cost: a single job
may come back almost at once, and waits half as long on average; `jitter=False` gives the exact series
1, 2, 4, 8, 16 s. The randomness is the system's, because a handler that calls `random.seed(0)` would set every
process to the same delays.

A policy is a frozen value with a text form, so that it can be stored with the job and read by people. Any
callable `(attempt, exc=None) -> seconds` will do instead, and then only the process that loaded it knows it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from random import Random, SystemRandom
from typing import Any, Final, Literal, SupportsFloat, assert_never

from msgspec import Struct

from jobq.durations import parse_duration
from jobq.errors import InvalidValue

MAX_DELAY: Final = 86400.0

Kind = Literal["fixed", "linear", "exponential"]
Policy = Callable[..., Any]

_BASE = 1.0
_MAX = 60.0
_STEPS = 2**53  # these two are beyond every maximum, and still inside a float
_DOUBLINGS = 900
_FORMS = "write it like exponential:5s:300s, linear:5s:60s, fixed:10s, or with :nojitter at the end"


class Backoff(Struct, frozen=True, kw_only=True):
    """A built-in policy; call it with the attempt that failed, counted from 1, to get seconds.

    Make one with `fixed`, `linear`, `exponential` or `parse_backoff`, which check the values.
    """

    kind: Kind
    base: float
    max: float
    jitter: bool

    def __call__(
        self,
        attempt: int,
        exc: BaseException | None = None,  # noqa: ARG002 - every policy is called like this
        *,
        rng: Random | None = None,
    ) -> float:
        """Return the delay in seconds, from 0 to `max`. `rng` makes the jitter repeatable; `exc` changes nothing."""
        longest = self.longest(attempt)
        return (rng or SystemRandom()).uniform(0.0, longest) if self.jitter else longest

    def longest(self, attempt: int) -> float:
        """Return the delay in seconds without jitter, which is the most that jitter can give."""
        count = max(attempt, 1)
        match self.kind:
            case "fixed":
                return self.base
            case "linear":
                return min(self.base * min(count, _STEPS), self.max)
            case "exponential":
                return min(math.ldexp(self.base, min(count - 1, _DOUBLINGS)), self.max)
            case _:
                assert_never(self.kind)

    @property
    def text(self) -> str:
        """The policy as text that `parse_backoff` reads: `exponential:5s:300s`, `fixed:10s`."""
        if self.kind == "fixed":
            return f"fixed:{_in_seconds(self.base)}"
        return f"{self.kind}:{_in_seconds(self.base)}:{_in_seconds(self.max)}{'' if self.jitter else ':nojitter'}"


def fixed(delay: float | timedelta | str) -> Backoff:
    """Wait the same time after every attempt: `fixed(10)`. Raises `InvalidValue` for more than 24 hours."""
    seconds = _bounded(delay, "delay")
    return Backoff(kind="fixed", base=seconds, max=seconds, jitter=False)


def linear(
    base: float | timedelta | str = _BASE,
    max: float | timedelta | str = _MAX,  # noqa: A002 - the contract's word
    jitter: bool = True,  # noqa: FBT001, FBT002 - the contract's order: linear(base, max, jitter)
) -> Backoff:
    """Wait `base` longer after every attempt, at most `max`: `linear(5, 60)` gives 5, 10, 15 … 60 s.

    With jitter each delay is drawn evenly from zero up to that. Raises `InvalidValue` for more than 24 hours, and
    for a `max` below `base`.
    """
    return _growing("linear", base, max, jitter=jitter)


def exponential(
    base: float | timedelta | str = _BASE,
    max: float | timedelta | str = _MAX,  # noqa: A002 - as in linear
    jitter: bool = True,  # noqa: FBT001, FBT002 - as in linear
) -> Backoff:
    """Wait twice as long after every attempt, at most `max`: `exponential(1, 60)` gives 1, 2, 4, 8, 16, 32, 60 s.

    With jitter each delay is drawn evenly from zero up to that. Raises `InvalidValue` for more than 24 hours, and
    for a `max` below `base`.
    """
    return _growing("exponential", base, max, jitter=jitter)


def parse_backoff(value: object, *, what: str = "backoff") -> Backoff:
    """Return the policy that a text names: `exponential:5s:300s`, `linear:5s`, `fixed:10s`, `exponential:nojitter`.

    Left-out parts are base 1 s, max 60 s and jitter. A `Backoff` is returned as it is. Raises `InvalidValue` for
    any other text. `what` names the value in the error.
    """
    if isinstance(value, Backoff):
        return value
    if not isinstance(value, str):
        raise InvalidValue(f"{what} must be text or a policy, not {type(value).__name__}", hint=_FORMS)
    kind, *parts = (part.strip() for part in value.lower().split(":"))
    jitter = parts[-1:] != ["nojitter"]
    amounts = parts if jitter else parts[:-1]
    match kind, amounts:
        case "fixed", [delay]:
            return fixed(delay)
        case "linear" | "exponential", [] | [_] | [_, _]:
            return _growing(kind, *amounts, jitter=jitter)
        case _:
            raise InvalidValue(f"{what} {value!r:.80} is not a backoff", hint=_FORMS)


def delay_of(policy: Policy, attempt: int, exc: BaseException | None = None) -> float:
    """Return the seconds that `policy` gives after a failed attempt, at most 24 hours.

    A policy may take the attempt alone, or the exception as its second parameter, and may answer a `timedelta`.
    Raises `InvalidValue` when it raises itself, or answers something that is not a number of zero or more.
    """
    if isinstance(policy, Backoff):
        return policy(attempt, exc)
    try:
        answer = policy(attempt, exc) if _takes_two(policy) else policy(attempt)
        seconds = _number_in(answer)
    except Exception as error:  # it is the user's code, and its failure must not hide the job's own
        problem = f"{_name_of(policy)} failed after attempt {attempt} with {type(error).__name__}"
        raise InvalidValue(f"backoff {problem}", hint="make it return a number of seconds") from error
    if not seconds >= 0:  # written so that not-a-number fails as well
        given = f"{seconds:g}" if seconds < 0 else f"something that is not a number ({type(answer).__name__})"
        raise InvalidValue(
            f"backoff {_name_of(policy)} gave {given} after attempt {attempt}",
            hint="return a number of seconds, zero or more",
        )
    return min(seconds, MAX_DELAY)


def _growing(
    kind: Kind, base: float | timedelta | str = _BASE, most: float | timedelta | str = _MAX, *, jitter: bool
) -> Backoff:
    first, last = _bounded(base, "base"), _bounded(most, "max")
    if last < first:
        raise InvalidValue(
            f"backoff {kind}: max ({_in_seconds(last)}) is below base ({_in_seconds(first)})",
            hint=f"give a larger max, like {kind}:{_in_seconds(first)}:{_in_seconds(min(first * 60, MAX_DELAY))}",
        )
    return Backoff(kind=kind, base=first, max=last, jitter=bool(jitter))


def _bounded(value: float | timedelta | str, part: str) -> float:
    seconds = parse_duration(value, what=f"backoff {part}")
    if seconds > MAX_DELAY:
        raise InvalidValue(f"backoff {part} {value!r:.80} is more than 24 hours", hint="use at most 24h")
    return seconds


def _in_seconds(seconds: float) -> str:
    """Write the float exactly: as text the policy is stored, and must come back as the same policy."""
    return f"{seconds:.0f}s" if seconds.is_integer() else f"{seconds!r}s"


def _takes_two(policy: Policy) -> bool:
    from inspect import signature  # late: only custom policies need it

    try:
        signature(policy).bind(1, None)
    except (TypeError, ValueError):
        return False
    return True


def _number_in(answer: object) -> float:
    if isinstance(answer, timedelta):
        return answer.total_seconds()
    if isinstance(answer, bool) or not isinstance(answer, SupportsFloat):
        return math.nan
    try:
        return float(answer)
    except OverflowError:  # an integer beyond every float
        return -math.inf if isinstance(answer, int) and answer < 0 else math.inf


def _name_of(policy: Policy) -> str:
    return getattr(policy, "__qualname__", type(policy).__qualname__)
