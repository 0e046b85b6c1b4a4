"""Reading what stands on a command line: numbers, lists, pairs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, LiteralString, TypeVar

from jobq import payload as json_text
from jobq.durations import parse_duration
from jobq.errors import BadPayload, InvalidValue, UsageError

W = TypeVar("W", bound=LiteralString)
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


def whole(option: str, text: str | None, *, least: int = 0, most: int = 2**62) -> int | None:
    """The whole number that an option was given; raises `InvalidValue` that names the option and its bounds."""
    if text is None:
        return None
    number = int(text) if _WHOLE.fullmatch(text.strip()) else None
    if number is None or not least <= number <= most:
        bounds = f"from {least} to {most:,}" if most < 2**62 else f"of {least} or more"
        raise InvalidValue(f"{option} must be a whole number {bounds}, not {text!r:.60}")
    return number


def seconds(option: str, text: str | None) -> float | None:
    """The duration that an option was given, in seconds."""
    return None if text is None else parse_duration(text, what=option)


def several(texts: Iterable[str] | None) -> tuple[str, ...]:
    """The words of a repeatable option, where `a,b` stands for two of them."""
    return tuple(word.strip() for text in texts or () for word in text.split(",") if word.strip())


def choice(option: str, text: str, options: Sequence[W]) -> W:
    """One of a few words."""
    for word in options:
        if text.strip().lower() == word:
            return word
    raise InvalidValue(f"{option} must be {', '.join(options[:-1])} or {options[-1]}, not {text!r:.60}")


def pairs(option: str, texts: Iterable[str] | None) -> dict[str, Any]:
    """The object that `key=text` and `key:=json` build; raises when a key comes twice."""
    found: dict[str, Any] = {}
    for text in texts or ():
        key, value = _pair(option, text)
        if key in found:
            raise UsageError(f"{option} {key} is given twice", hint="keep one of them")
        found[key] = value
    return found


def conditions(texts: Iterable[str]) -> dict[str, Any]:
    """What `--where path=value` asks for: a value that is a JSON number, word or quoted text is taken as such."""
    found: dict[str, Any] = {}
    for text in texts:
        path, value = _pair("--where", text)
        found[path] = _scalar(value) if isinstance(value, str) and f"{path}:=" not in text else value
    return found


def _pair(option: str, text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    is_json = key.endswith(":")
    key = key.removesuffix(":")
    if not separator or not key:
        raise UsageError(
            f"{option} {text!r:.80} is not of the form key=text or key:=json", hint=f"{option} to=ada@example.com"
        )
    if not is_json:
        return key, value
    try:
        return key, json_text.decode_text(value, what=f"{option} {key}")
    except BadPayload as error:
        raise BadPayload(error.message, hint=f"with {key}={value:.40} the value is taken as text") from error


def _scalar(text: str) -> Any:
    """A JSON number, `true`, `false`, `null` or quoted text; anything else is the text itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, dict | list) else value
