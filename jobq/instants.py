"""Instants: aware UTC datetimes inside, RFC 3339 outside.

Decision: an instant without a zone is refused instead of guessed. The host's zone would make the same command
mean two things on two machines, and silent UTC would be wrong for everybody who typed a wall clock; the error
shows both corrected forms. A wall clock with a zone name that happens twice (clocks go back) means the first
time; one that never happens (clocks go forward) moves forward by the length of the gap, so that 02:30 runs at
03:30. Cost: the second of two equal wall-clock times can only be written with an offset.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

from jobq.errors import InvalidValue

_INSTANT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})"
    r"(?:[Tt ]\s*(?P<time>[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?|[0-9]{2}(?:[0-9]{2}(?:[.,][0-9]+)?)?)))?"
    r"\s*(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?|[A-Za-z][A-Za-z0-9_+/-]*)?"
)
_OFFSET = re.compile(r"[Zz]|[+-].*")
_LONGEST_TEXT = 100
_FORMS = 'write it like 2026-12-24T09:00:00Z, 2026-12-24T10:00+01:00 or "2026-12-24 10:00 Europe/Berlin"'


def parse_instant(text: object, *, what: str = "instant") -> datetime:
    """Return the instant that a text names, in UTC.

    Takes RFC 3339 and ISO 8601 with `Z` or an offset (`2026-12-24T09:00:00Z`, `20261224T1000+0100`), and a date
    and time followed by a zone name (`2026-12-24 09:00 Europe/Berlin`). Digits beyond microseconds are dropped.
    Raises `InvalidValue` for a text without a zone, with an unknown one, or of any other form. `what` names the
    value in the error.
    """
    if not isinstance(text, str):
        raise InvalidValue(f"{what} must be text, not {type(text).__name__}", hint=_FORMS)
    found = _INSTANT.fullmatch(text.strip()) if len(text) <= _LONGEST_TEXT else None
    if found is None:
        raise InvalidValue(f"{what} {text!r:.80} is not an instant", hint=_FORMS)
    if found["time"] is None or found["zone"] is None:
        raise _incomplete(text, found, what)
    moment = f"{found['day']}T{found['time']}"
    try:
        if _OFFSET.fullmatch(found["zone"]):
            return datetime.fromisoformat(moment + found["zone"].upper()).astimezone(UTC)
        return datetime.fromisoformat(moment).replace(tzinfo=_zone(found["zone"], what)).astimezone(UTC)
    except InvalidValue:
        raise
    except (ValueError, OverflowError) as error:
        raise InvalidValue(f"{what} {text!r:.80} is not an instant: {error}", hint=_FORMS) from error


def check_aware(value: object, *, what: str = "instant") -> datetime:
    """Return an aware datetime in UTC; raise `InvalidValue` for a naive one or for something else."""
    if not isinstance(value, datetime):
        raise InvalidValue(f"{what} must be a datetime, not {type(value).__name__}", hint="use datetime.now(UTC)")
    if value.utcoffset() is None:
        raise InvalidValue(
            f"{what} {value.isoformat()} has no time zone",
            hint="add one: .replace(tzinfo=UTC), or .astimezone() if it is this machine's local time",
        )
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise InvalidValue(f"{what} {value.isoformat()} is out of range in UTC", hint=_FORMS) from error


def format_instant(value: datetime) -> str:
    """Return RFC 3339 in UTC: `2026-12-24T09:00:00Z`, with six digits of microseconds only when there are any.

    Equal instants give equal text, whatever their zone. Raises `InvalidValue` for a naive datetime.
    """
    return check_aware(value).isoformat().removesuffix("+00:00") + "Z"


def _incomplete(text: str, found: re.Match[str], what: str) -> InvalidValue:
    moment = f"{found['day']} {found['time'] or '09:00'}"
    missing = "time zone" if found["zone"] is None else "time of day"
    zone = found["zone"] or "Europe/Berlin"
    example = f'"{moment} {zone}"' if missing == "time of day" else f'{moment.replace(" ", "T")}Z, or "{moment} {zone}"'
    return InvalidValue(f"{what} {text!r:.80} has no {missing}", hint=f"write {example}")


def _zone(name: str, what: str) -> tzinfo:
    """Return the zone of that name; the database also holds folders and lists, which are no zones."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # late: only a typed zone name needs it

    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidValue(f"{what}: there is no time zone {name!r:.60}", hint=_zones_like(name)) from error


def _zones_like(name: str) -> str:
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    folded = {zone.lower(): zone for zone in available_timezones()}
    meant = get_close_matches(name.lower(), folded, n=1)
    return f"did you mean {folded[meant[0]]}?" if meant else "use a name like Europe/Berlin, or an offset like +01:00"
