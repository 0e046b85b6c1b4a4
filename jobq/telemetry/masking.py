"""What never leaves in a log line: values of secret-looking keys, and passwords in DSNs.

Decision: masking is a step of every event and not the duty of who logs, because it is the forgotten line that
leaks. It also turns every value into JSON kinds, so that rendering cannot fail over a handler's odd object.
Cost: a walk over each event; uneventful jobs log at `debug`, which is filtered before it comes here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Any

from jobq.instants import format_instant
from jobq.masking import mask_text, redact

Entry = MutableMapping[str, Any]
Processor = Callable[[Any, str, Entry], Any]

_LONGEST_TEXT = 32768
_DEEPEST = 8


def mask(keys: Sequence[str]) -> Processor:
    """Return a structlog processor that turns every value into JSON kinds and masks what is secret.

    `keys` are the parts of key names that count as secret, in any case and at any depth.
    """

    def masked(_logger: Any, _method: str, event: Entry) -> Entry:
        safe: Entry = redact(_plain(event), keys)
        return safe

    return masked


def _plain(value: Any, depth: int = 0) -> Any:
    """Return the value as JSON kinds, texts masked and cut; an object that cannot describe itself is named."""
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping() if depth < _DEEPEST:
            return {str(key): _plain(item, depth + 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset() if depth < _DEEPEST:
            return [_plain(item, depth + 1) for item in value]
        case _:
            text = _described(value)
            return mask_text(text if len(text) <= _LONGEST_TEXT else _cut(text))


def _cut(text: str) -> str:
    return f"{text[:_LONGEST_TEXT]}… ({len(text)} characters)"


def _described(value: object) -> str:
    try:
        match value:
            case str():
                return str(value)
            case datetime() if value.utcoffset() is not None:
                return format_instant(value)
            case BaseException():
                return f"{type(value).__name__}: {value}"
            case _:
                return repr(value)
    except Exception:  # noqa: BLE001 (a handler's own object; a log line must not fail over its repr)
        return f"<{type(value).__name__} without a repr>"
