"""Durations and sizes: amounts with a unit, as people write them and as programs count them.

Decision: inside jobq a duration is a float of seconds and a size an int of bytes; text exists only at the
edges. A bare number is seconds and never milliseconds, because a value that is a thousand times off still
looks plausible. Months and years are refused: they have no length of their own. A size's K, M and G are
powers of 1024 with or without the `i`, as in systemd and Postgres: a memory limit is never decimal.
Cost: `100MB` is 104,857,600 bytes here, against the letter of the SI.
"""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise
from typing import Final

from jobq.errors import InvalidValue

MAX_DURATION: Final = 100 * 365.25 * 86400.0
MAX_SIZE: Final = 2**60

_SHORTEST_SHOWN = 1e-6
_ROUNDS_TO_A_SECOND = 0.9995
_ROUNDS_TO_A_MINUTE = 59.9995
_LONGEST_TEXT = 100
_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?"
_BARE = re.compile(_NUMBER)
_PART = re.compile(rf"\s*({_NUMBER})\s*([a-z]+)")
_PLAIN = re.compile(rf"(?:{_PART.pattern})+")
_ISO = re.compile(
    rf"p(?=.*[0-9])(?:({_NUMBER})w)?(?:({_NUMBER})d)?"
    rf"(?:t(?=.*[0-9])(?:({_NUMBER})h)?(?:({_NUMBER})m)?(?:({_NUMBER})s)?)?"
)
_ISO_UNITS = (604800.0, 86400.0, 3600.0, 60.0, 1.0)
_CALENDAR = re.compile(r"p[^t]*[ym].*|.*[0-9]\s*(?:y|yr|yrs|years?|mo|months?)\b.*")
_UNITS = {
    name: seconds
    for names, seconds in (
        ("ms msec msecs millisecond milliseconds", 0.001),
        ("s sec secs second seconds", 1.0),
        ("m min mins minute minutes", 60.0),
        ("h hr hrs hour hours", 3600.0),
        ("d day days", 86400.0),
        ("w week weeks", 604800.0),
    )
    for name in names.split()
}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([kmgtp])i?b?|b|bytes?)?")
_FORMS = "write it like 30s, 5m, 1h30m, 2 hours, 1 day or PT1H; a bare number is seconds"


def parse_duration(value: float | timedelta | str, *, what: str = "duration") -> float:
    """Return a duration in seconds.

    Takes a number of seconds, a `timedelta`, or text: `30`, `30s`, `500ms`, `5m`, `1h30m`, `2 hours`, `1 week`,
    `PT1H`, `P1DT2H`, in any case. Units go from large to small, each at most once.
    Raises `InvalidValue` for negative, infinite and not-a-number values, for more than 100 years, and for any
    other text or type, `True` included. `what` names the value in the error.
    """
    seconds = _seconds_in(value, what)
    if not 0 <= seconds <= MAX_DURATION:  # written so that not-a-number fails as well
        problem = "is negative" if seconds < 0 else "is not a number of seconds up to 100 years"
        raise InvalidValue(f"{what} {_shown(value)} {problem}", hint=_FORMS)
    return float(seconds) + 0.0  # turns -0.0 into 0.0


def format_duration(seconds: float) -> str:
    """Return a short text for people: `250ms`, `1.5s`, `1h30m`, `2d`.

    Reading it back gives the same duration to within 1 %: below a second three digits are kept, below a minute
    milliseconds, and whole seconds from there on. Less than a microsecond is `0s`.
    """
    if seconds < 0:
        return f"-{format_duration(-seconds)}"
    if seconds < _ROUNDS_TO_A_SECOND:
        return f"{seconds * 1000:.3g}ms" if seconds >= _SHORTEST_SHOWN else "0s"
    if seconds < _ROUNDS_TO_A_MINUTE:
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
    return _clock_text(round(seconds)) if seconds <= MAX_DURATION else f"{seconds:g}s"


def parse_size(value: int | str, *, what: str = "size") -> int:
    """Return a size in bytes, from 1 up to 1 EiB.

    Takes a number of bytes, or text: `1048576`, `512K`, `512M`, `1.5G`, `1GiB`, `100 MB`, in any case and always
    in powers of 1024. Raises `InvalidValue` for everything else. `what` names the value in the error.
    """
    size = _bytes_in(value)
    if size is None or not 1 <= size <= MAX_SIZE:
        raise InvalidValue(
            f"{what} {_shown(value)} is not a size from 1 byte to 1 EiB",
            hint="write it like 512M, 1GiB or 100 MB; a bare number is bytes",
        )
    return size


def _seconds_in(value: object, what: str) -> float:
    match value:
        case bool():
            raise InvalidValue(f"{what} must be a duration, not {value}", hint=_FORMS)
        case int() | float():
            return value
        case timedelta():
            return value.total_seconds()
        case str():
            return _read(value.strip().lower(), what)
        case _:
            raise InvalidValue(f"{what} must be a duration, not {type(value).__name__}", hint=_FORMS)


def _shown(value: object) -> str:
    """Return the value for an error text; Python refuses to write out an integer of thousands of digits."""
    short = isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 10**20)
    return f"{value!r:.80}" if short else f"of type {type(value).__name__}"


def _read(text: str, what: str) -> float:
    short = text if len(text) <= _LONGEST_TEXT else ""
    if _BARE.fullmatch(short):
        return float(short)
    if parts := _ISO.fullmatch(short):
        return sum(float(part or 0) * unit for part, unit in zip(parts.groups(), _ISO_UNITS, strict=True))
    if _PLAIN.fullmatch(short):
        return _add_up(_PART.findall(short), text, what)
    raise InvalidValue(f"{what} {text!r:.80} is not a duration", hint=_hint_for(short))


def _add_up(parts: list[tuple[str, str]], text: str, what: str) -> float:
    """Add the parts up, if their units are known and become smaller from part to part."""
    units = [_UNITS.get(unit) for _, unit in parts]
    known = [unit for unit in units if unit is not None]
    if len(known) < len(units):
        unknown = parts[units.index(None)][1]
        raise InvalidValue(f"{what} {text!r:.80} has the unknown unit {unknown!r:.40}", hint=_hint_for(text))
    if any(large <= small for large, small in pairwise(known)):
        raise InvalidValue(f"{what} {text!r:.80} has its units out of order", hint=_FORMS)
    return sum(float(number) * unit for (number, _), unit in zip(parts, known, strict=True))


def _hint_for(text: str) -> str:
    if _CALENDAR.fullmatch(text):
        return "years and months have no fixed length; count in days, like 30 days"
    return "a duration is never negative; " + _FORMS if text.startswith("-") else _FORMS


def _clock_text(seconds: int) -> str:
    parts = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        parts.append(f"{count}{unit}" if count else "")
    return "".join(parts)


def _bytes_in(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _SIZE.fullmatch(value.strip().lower()) if isinstance(value, str) and len(value) <= _LONGEST_TEXT else None
    if found is None:
        return None
    unit = 1 << 10 * " kmgtp".index(found[2] or " ")
    if "." in found[1]:
        return int(float(found[1]) * unit) if unit > 1 else None  # there is no half byte
    return int(found[1]) * unit
