"""Payloads, results and error texts: what may be stored, and what people may see of it.

Decision: a value becomes JSON *text* once, at the edge, and is stored as those characters: compact, in the given
key order, not ASCII-escaped. Databases disagree about JSON (a NUL fails in one, 1e308 turns into an integer in
another, key order is lost in a third), and a payload that cannot be read back is a job that can never run. So
everything that some store would refuse or change is refused here, with the path to it.
What a handler leaves behind is the other way round: a result or an error text is never refused, because the job
has run and must not run again. It is made storable, with a note about what was lost.

Cost: a walk over the value beside `json`, about a third of the encoding time.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import msgspec

from jobq.errors import BadPayload
from jobq.jobs import ErrorInfo
from jobq.masking import mask_text

T = TypeVar("T")

MAX_BYTES: Final = 1024 * 1024
WARN_ABOVE: Final = 64 * 1024
MAX_DEPTH: Final = 64
MAX_TEXT: Final = 16 * 1024
MAX_NOTE: Final = 1024
SMALLEST: Final = -(2**63)
LARGEST: Final = 2**64 - 1

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_READER = msgspec.json.Decoder()
_BOM = b"\xef\xbb\xbf"
_LONGEST_NAME = 200
_FRAMES = 50
_LONGEST_FRAME = 2048
_INTEGER_DIGITS = 20
_PLAIN_KEY = re.compile(r"[^\W\d]\w*")
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_CONVERSIONS = {
    **dict.fromkeys(("datetime", "date", "time"), "use .isoformat()"),
    **dict.fromkeys(("set", "frozenset"), "use sorted(...) or list(...)"),
    **dict.fromkeys(("bytes", "bytearray"), "use base64.b64encode(...).decode(), or decode the text"),
    **dict.fromkeys(("UUID", "PurePath"), "use str(...)"),
    "timedelta": "use .total_seconds()",
    "generator": "use list(...)",
    "Decimal": "use str(...), or float(...) if it may be rounded",
    "Enum": "use its .value",
    "Struct": "use msgspec.to_builtins(...)",
    "BaseModel": 'use .model_dump(mode="json")',
}


def encode(value: object, *, limit: int | None = MAX_BYTES, what: str = "payload") -> str:
    """Return the value as JSON text, the form in which it is stored.

    Raises `BadPayload` with the path of the fault for: NaN and infinities, NUL characters, lone surrogates, nesting
    over 64 (cyclic values too), keys that are not text, integers beyond 64 bits, other types than JSON's, and
    more than `limit` bytes of UTF-8 (1 MiB; None for no limit). Tuples become lists. `what` names the value in
    the error.
    """
    try:
        text = _ENCODER.encode(value)
        size = len(text.encode())
    except (ValueError, TypeError, RecursionError) as error:
        _refuse_faults(value, (), what)
        raise BadPayload(f"{what} is not JSON: {error!s:.200}", hint=_hint_for(value)) from error
    if limit is not None and size > limit:
        raise BadPayload(
            f"{what} is {size:,} bytes as JSON, over the limit of {limit:,}",
            hint="store the data elsewhere and pass a reference to it, like a path or a key",
        )
    if "\\u0000" in text or not _is_plain(value, 0):
        _refuse_faults(value, (), what)
    return text


def encode_result(value: object) -> tuple[str, str | None]:
    """Return a handler's result as JSON text, and a warning when it had to be replaced by a note.

    Never raises, whatever the value is or does: the job has run. The note is `{"unserialisable": "..."}` with at
    most 1 KiB of the value's repr.
    """
    try:
        return encode(value, what="result"), None
    except Exception as error:  # noqa: BLE001 - the value may be anything, and so may be what it raises
        note = clean_text(mask_text(_repr_of(value)), MAX_NOTE)
        reason = error.message if isinstance(error, BadPayload) else f"result raised {type(error).__name__}"
        return _ENCODER.encode({"unserialisable": note}), f"{reason}; the job completed with a note in its place"


def decode(text: str) -> Any:
    """Return the value of stored JSON text, fast and without the checks of `decode_text`.

    Raises `BadPayload` only when the text is not JSON, which means that something else than jobq wrote it.
    """
    try:
        return _READER.decode(text)
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"stored JSON cannot be read: {error!s:.200}", hint="was it edited by hand?") from error


def decode_text(text: str | bytes, *, limit: int | None = MAX_BYTES, what: str = "payload") -> Any:
    """Return the value of JSON that a person or another program wrote.

    A byte order mark is dropped. Raises `BadPayload` with line and column for a syntax error, with the byte for
    bytes that are not UTF-8, and with the path for repeated keys and for everything that `encode` refuses.
    `limit` is in bytes of the compact form.
    """
    source = _utf8(text, what) if isinstance(text, bytes) else text.removeprefix("\ufeff")
    try:
        value = _STRICT.decode(source)
    except json.JSONDecodeError as error:
        raise _syntax_error(error, source, what) from error
    except RecursionError as error:
        raise BadPayload(f"{what} is nested deeper than {MAX_DEPTH}", hint="flatten it") from error
    encode(value, limit=limit, what=what)
    return value


def json_path(steps: Iterable[str | int]) -> str:
    """Return the way to a value as text: `$.users[3].name`, `$["odd key"]`, at most 200 characters."""
    path = "".join(_step_text(step) for step in steps)
    return f"${path}" if len(path) < _LONGEST_NAME else f"${path[: _LONGEST_NAME - 2]}…"


def clean_text(text: str, limit: int = MAX_TEXT) -> str:
    r"""Return text that every store and terminal can take, at most `limit` bytes of UTF-8 (64 or more).

    Control characters other than newline and tab become visible (`\x00`), lone surrogates become U+FFFD, and what
    is too much is cut from the end, with a mark that says how much there was.
    """
    shown = _INVISIBLE.sub(_visible, text[: limit + 1]).encode()
    if len(text) <= limit and len(shown) <= limit:
        return shown.decode()
    mark = f"… [cut from {len(text):,} characters]"
    return shown[: max(limit - len(mark.encode()), 0)].decode(errors="ignore") + mark


def describe(exc: BaseException) -> ErrorInfo:
    """Return what an exception says, made storable: its class name, its text, and its traceback without locals.

    Text and traceback are at most 16 KiB each; of the traceback the end is kept, where the error was raised.
    Passwords in URLs and values of keys that look secret are masked. Never raises, whatever the exception does.
    """
    return ErrorInfo(
        type=clean_text(type(exc).__name__, _LONGEST_NAME),
        message=clean_text(mask_text(_written(lambda: str(exc), "text")[: 2 * MAX_TEXT])),
        traceback=_traceback_of(exc),
    )


class _Repeated:
    """Stands for an object with a repeated key, until the walk over the whole value finds the path to it."""

    def __init__(self, key: str) -> None:
        self.key = key


def _is_plain(value: Any, depth: int) -> bool:
    """Say whether nothing but the exact types of JSON is in there; False means only that a closer look is needed.

    Exact types and plain loops, because this runs for every payload and is several times faster so.
    """
    kind = type(value)
    if kind is dict or kind is list:
        return depth < MAX_DEPTH and _holds_plain(value, depth + 1)
    if kind is int:
        return bool(SMALLEST <= value <= LARGEST)
    return kind is str or kind is float or kind is bool or value is None


def _holds_plain(container: Any, depth: int) -> bool:
    children = container
    if type(container) is dict:
        for key in container:
            if type(key) is not str:
                return False
        children = container.values()
    for child in children:  # noqa: SIM110 - all() over a generator takes twice as long
        if type(child) is not str and not _is_plain(child, depth):
            return False
    return True


def _refuse_faults(value: object, path: tuple[str | int, ...], what: str) -> None:
    """Raise `BadPayload` for the first fault in the value, in reading order."""
    fault = _fault_in(value, len(path))
    if fault is not None:
        problem, hint = fault
        raise BadPayload(f"{what} at {json_path(path)}: {problem}", hint=hint)
    if isinstance(value, dict):
        for key, child in value.items():
            _refuse_bad_key(key, path, what)
            _refuse_faults(child, (*path, key), what)
    if isinstance(value, list | tuple):
        for index, child in enumerate(value):
            _refuse_faults(child, (*path, index), what)


def _refuse_bad_key(key: object, path: tuple[str | int, ...], what: str) -> None:
    if not isinstance(key, str):
        problem, hint = f"a key is of type {type(key).__name__}", "JSON keys are text: use str(key)"
    elif fault := _fault_in_text(key):
        problem, hint = f"the key {key!r:.60} {fault[0]}", fault[1]
    else:
        return
    raise BadPayload(f"{what} at {json_path(path)}: {problem}", hint=hint)


def _fault_in(value: object, depth: int) -> tuple[str, str] | None:
    """Return the problem and a hint when the value itself, apart from what it contains, cannot be stored."""
    match value:
        case None:
            return None
        case str():
            return _fault_in_text(value)
        case int() | float():
            return _fault_in_number(value)
        case dict() | list() | tuple():
            return None if depth < MAX_DEPTH else (f"nested deeper than {MAX_DEPTH}", "flatten it; is it cyclic?")
        case _Repeated():
            return f"the key {value.key!r:.60} appears twice", "keep one of them"
        case _:
            return f"{type(value).__name__} is not JSON", _hint_for(value)


def _fault_in_number(number: float) -> tuple[str, str] | None:
    if isinstance(number, int):
        fits = SMALLEST <= number <= LARGEST
        return None if fits else ("the integer does not fit into 64 bits", "write it as text")
    return None if math.isfinite(number) else ("the number is not finite", "use null or text for NaN and infinity")


def _fault_in_text(text: str) -> tuple[str, str] | None:
    if "\x00" in text:
        return "contains a NUL character", "remove it, or use base64 for binary data"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "contains a lone surrogate, half a character", "decode the text with the right encoding"
    return None


def _hint_for(value: object) -> str:
    if hasattr(type(value), "__dataclass_fields__"):
        return "use dataclasses.asdict(...)"
    known = (_CONVERSIONS[kind.__name__] for kind in type(value).__mro__ if kind.__name__ in _CONVERSIONS)
    return next(known, "use dict, list, str, int, float, bool and None")


def _utf8(data: bytes, what: str) -> str:
    body = data.removeprefix(_BOM)
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        byte = error.start + len(data) - len(body)
        raise BadPayload(f"{what} is not UTF-8 at byte {byte}", hint="save it as UTF-8") from error


def _syntax_error(error: json.JSONDecodeError, source: str, what: str) -> BadPayload:
    if not source.strip():
        return BadPayload(f"{what} is empty, not JSON", hint="write {} for an empty object")
    where = f"line {error.lineno}, column {error.colno}"
    hint = "names and text go in double quotes; in a shell, put single quotes around the whole"
    return BadPayload(f"{what} is not JSON at {where}: {error.msg}", hint=hint)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Repeated:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Repeated(Counter(key for key, _ in pairs).most_common(1)[0][0])


def _bounded_integer(digits: str) -> int:
    """Read an integer; one that is too long becomes one that is too large, before Python refuses its length."""
    return int(digits) if len(digits) <= _INTEGER_DIGITS else LARGEST + 1


_STRICT = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_int=_bounded_integer)


def _step_text(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{json.dumps(step)}]"


def _visible(found: re.Match[str]) -> str:
    character = found[0]
    return "\ufffd" if character >= "\ud800" else f"\\x{ord(character):02x}"


def _repr_of(value: object) -> str:
    """Return a repr that stays short for large values."""
    from reprlib import Repr  # late: hardly any result needs it

    short = Repr()
    short.maxdict = short.maxlist = short.maxtuple = short.maxset = short.maxfrozenset = 20
    short.maxstring = short.maxother = short.maxlong = MAX_NOTE
    return _written(lambda: short.repr(value), f"repr of {type(value).__name__}")


def _written(write: Callable[[], T], what: str) -> T | str:
    """Return what a piece of the user's code writes, or a note that it could not."""
    try:
        return write()
    except Exception as error:  # noqa: BLE001 - a repr or a text may do anything, and must not cost the job
        return f"<no {what}: {type(error).__name__}>"


def _traceback_of(exc: BaseException) -> str | None:
    """Return the end of the traceback; a long message is cut by itself and leaves room for the frames."""
    from traceback import TracebackException  # late: most jobs end well

    if exc.__traceback__ is None:
        return None
    story = _written(
        lambda: list(TracebackException.from_exception(exc, limit=-_FRAMES, compact=True).format()), "traceback"
    )
    kept: list[str] = []
    room = MAX_TEXT - _LONGEST_NAME
    for part in reversed([story] if isinstance(story, str) else story):
        text = clean_text(mask_text(part[: 2 * _LONGEST_FRAME]), _LONGEST_FRAME).rstrip("\n") + "\n"
        room -= len(text.encode())
        if room < 0:
            kept.append("… [cut: outer frames]\n")
            break
        kept.append(text)
    return "".join(reversed(kept))
