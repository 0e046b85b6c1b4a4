"""Kinds of settings: how each is read from TOML, from text, and from Python, and how it is written again.

Decision: one reader for every source. A value from the environment is text where TOML has a number, so each kind
reads both, and a setting means the same wherever it stands. Readers raise `InvalidValue`; who calls them knows
which key it was and where it stood. Cost: `"5"` is accepted as a number in a TOML file too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeVar, get_args

from jobq.durations import format_duration, parse_duration, parse_size
from jobq.errors import InvalidValue
from jobq.masking import MASK
from jobq.names import check_queue, near
from jobq.telemetry import mask_dsn

T = TypeVar("T")

MOST_SECRETS: Final = 2
_WORDS: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_LARGE: Final = 10**20
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_DSN = re.compile(r"sqlite://[^\x00-\x1f\x7f]*|[A-Za-z][A-Za-z0-9+.-]*://\S*")  # a path may have blanks, a URL not
_DSN_FORMS = "write it like postgresql://user@host/db, sqlite:///absolute.db, sqs://REGION or memory://"
_SIZES = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


def _same(value: Any) -> Any:
    return value


def _anywhere(value: T, _base: Path) -> T:
    return value


@dataclass(frozen=True)
class Kind(Generic[T]):
    """How values of one kind are read and shown.

    `read` takes what a source gave and raises `InvalidValue`; `write` returns what TOML would say; `mask` returns
    what people may see; `anchor` makes relative paths absolute, from the folder that the source belongs to.
    """

    read: Callable[[object], T]
    write: Callable[[T], object] = _same
    mask: Callable[[T], object] = _same
    anchor: Callable[[T, Path], T] = _anywhere


def whole(least: int, most: int) -> Kind[int]:
    """A whole number within bounds, both included."""

    def read(value: object) -> int:
        text = value.strip() if isinstance(value, str) else ""
        number = int(text) if _INTEGER.fullmatch(text) else value
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise InvalidValue(f"{_shown(value)} is not a whole number from {least} to {most}")
        return number

    return Kind(read)


def choice(options: Any) -> Kind[Any]:
    """One of the words of a `Literal`, in any case."""
    words = get_args(options)

    def read(value: object) -> str:
        word = value.strip().lower() if isinstance(value, str) else ""
        if word not in words:
            meant = near(word, words, most=1)
            hint = f"did you mean {meant[0]}?" if meant else None
            raise InvalidValue(f"{_shown(value)} is not one of {', '.join(words)}", hint=hint)
        return word

    return Kind(read)


def _read_boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in _WORDS:
        raise InvalidValue(f"{_shown(value)} is neither true nor false")
    return _WORDS[word]


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidValue(f"{_shown(value)} is not text", hint="put it in quotes")
    text = value.strip()
    if not text or not text.isprintable():
        raise InvalidValue("it has characters that cannot be printed" if text else "it is empty")
    return text


def _read_any_text(value: object) -> str:
    return "" if value == "" else _read_text(value)


def _read_duration(value: object) -> float:
    if not isinstance(value, int | float | str | timedelta):
        raise InvalidValue(f"{_shown(value)} is not a duration", hint="write it like 30s, 5m or 1h30m")
    return parse_duration(value)


def _read_positive_duration(value: object) -> float:
    seconds = _read_duration(value)
    if seconds <= 0:
        raise InvalidValue("it must be more than 0 seconds")
    return seconds


def _read_size(value: object) -> int:
    if not isinstance(value, int | str):
        raise InvalidValue(f"{_shown(value)} is not a size", hint="write it like 512M or 1GiB")
    return parse_size(value)


def _write_size(size: int) -> object:
    return next((f"{size // unit}{name}" for name, unit in _SIZES if size % unit == 0), size)


def _read_dsn(value: object) -> str:
    """The value is never repeated in an error: it may hold a password."""
    text = value.strip() if isinstance(value, str) else ""
    if not _DSN.fullmatch(text):
        raise InvalidValue("it is not a DSN" if text else "it is empty, and no DSN", hint=_DSN_FORMS)
    return text


def _read_secrets(value: object) -> tuple[str, ...]:
    """One secret, or the new and the old one while they change; in text each stands on its own line."""
    given = value.splitlines() if isinstance(value, str) else value
    if not isinstance(given, list | tuple) or not all(isinstance(item, str) and item.strip() for item in given):
        raise InvalidValue("it must be text, or a list of texts", hint='write secret = "…"')
    if not 1 <= len(given) <= MOST_SECRETS:
        raise InvalidValue(f"it holds {len(given)} secrets", hint=f"give one, or {MOST_SECRETS} while you rotate them")
    return tuple(item.strip() for item in given)


def _read_list(value: object) -> tuple[str, ...]:
    """A list of texts; as text `a, b` or a JSON list."""
    given = _from_json(value) if isinstance(value, str) and value.lstrip().startswith("[") else value
    items = [item for item in given.split(",") if item.strip()] if isinstance(given, str) else given
    if not isinstance(items, list | tuple):
        raise InvalidValue(f"{_shown(value)} is not a list", hint='write ["a", "b"], in the environment a,b')
    return tuple(_read_text(item) for item in items)


def _read_paths(value: object) -> tuple[Path, ...]:
    given = (
        [str(item) if isinstance(item, Path) else item for item in value] if isinstance(value, list | tuple) else value
    )
    return tuple(Path(item).expanduser() for item in _read_list(given))


def _anchor_paths(paths: tuple[Path, ...], base: Path) -> tuple[Path, ...]:
    return tuple(base / path for path in paths)


def _anchor_dsn(dsn: str, base: Path) -> str:
    """A file stays the same file, wherever the worker is started that reads this configuration."""
    path = dsn.removeprefix("sqlite://")
    return dsn if path in {dsn, ""} or path.startswith("~") else f"sqlite://{base / path}"


def _read_urls(value: object) -> Mapping[str, str]:
    """Queue names and their URLs; as text `a=https://…,b=https://…` or a JSON object."""
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        pairs: Any = dict(pair.partition("=")[::2] for pair in value.split(",") if pair.strip())
    else:
        pairs = _from_json(value) if isinstance(value, str) else value
    if not isinstance(pairs, Mapping):
        raise InvalidValue(f"{_shown(value)} is not a table of names and URLs", hint='write emails = "https://…"')
    return {check_queue(name.strip()): _read_text(url) for name, url in pairs.items()}


def _mask_urls(urls: Mapping[str, str]) -> object:
    return {name: mask_dsn(url) for name, url in urls.items()}


def _from_json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidValue(f"it begins like JSON and is not: {error}") from error


def _shown(value: object) -> str:
    """The value for an error text; Python refuses to write out an integer of thousands of digits."""
    short = isinstance(value, str | float) or (isinstance(value, int) and abs(value) < _LARGE)
    return f"{value!r:.60}" if short else f"a value of type {type(value).__name__}"


BOOLEAN: Final = Kind(_read_boolean)
TEXT: Final = Kind(_read_text)
ANY_TEXT: Final = Kind(_read_any_text)
QUEUE: Final = Kind(check_queue)
DURATION: Final = Kind(_read_duration, write=format_duration)
POSITIVE_DURATION: Final = Kind(_read_positive_duration, write=format_duration)
SIZE: Final = Kind(_read_size, write=_write_size)
URL: Final = Kind(_read_text, mask=mask_dsn)
DSN: Final = Kind(_read_dsn, mask=mask_dsn, anchor=_anchor_dsn)
SECRETS: Final = Kind(_read_secrets, mask=lambda secrets: tuple(MASK for _ in secrets))
LIST: Final = Kind(_read_list, write=list)
PATHS: Final = Kind(_read_paths, write=lambda paths: [str(path) for path in paths], anchor=_anchor_paths)
URLS: Final = Kind(_read_urls, write=dict, mask=_mask_urls)

WorkerMode = Literal["standalone", "in-process"]
BackoffWord = Literal["fixed", "linear", "exponential"]
