"""What the plugin may touch, and how much of it: read from the environment once per attempt, then frozen.

Decided here: limits are on by default. A picture of a few kilobytes can ask for gigabytes of memory when it is
decoded, and whoever may enqueue chooses the picture. A variable that nobody reads is an error, because a root
that is misspelt would otherwise protect nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from jobq.durations import parse_size
from jobq.errors import ConfigError, InvalidValue

_PREFIX = "JOBQ_IMAGES_"
_NAMES = ("ROOT", "MAX_PIXELS", "MAX_BYTES")

# Pillow itself warns from here on.
_MOST_PIXELS = 89_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Limits for one picture. Without `root` any file may be read and written that the worker may."""

    root: Path | None = None
    max_pixels: int = 50_000_000
    max_bytes: int = 100 * 1024 * 1024


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings that `environ` holds.

    Raises `ConfigError`, which names the variable, for one that is unknown or makes no sense.
    """
    given = _given(environ)
    return Settings(root=_root(given), max_pixels=_max_pixels(given), max_bytes=_max_bytes(given))


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    given = {key.removeprefix(_PREFIX): text for key, text in environ.items() if key.startswith(_PREFIX) and text}
    for name in sorted(given.keys() - set(_NAMES)):
        near = get_close_matches(name, _NAMES, n=1)
        raise _wrong(name, "is not a setting", f"did you mean {_PREFIX}{near[0]}?" if near else "remove it")
    return given


def _root(given: Mapping[str, str]) -> Path | None:
    if "ROOT" not in given:
        return None
    root = Path(given["ROOT"])
    if not root.is_absolute() or not root.is_dir():
        raise _wrong("ROOT", f"is {str(root)!r}", "use the absolute path of a folder that exists")
    return root.resolve()


def _max_pixels(given: Mapping[str, str]) -> int:
    text = given.get("MAX_PIXELS", "50000000").replace("_", "")
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:12]) <= _MOST_PIXELS):
        raise _wrong("MAX_PIXELS", f"is {text[:40]!r}", f"use a number of pixels from 1 to {_MOST_PIXELS}")
    return int(text)


def _max_bytes(given: Mapping[str, str]) -> int:
    try:
        return parse_size(given.get("MAX_BYTES", "100MiB"))
    except InvalidValue as error:
        raise _wrong("MAX_BYTES", error.message, error.hint) from error


def _wrong(name: str, problem: str, hint: str | None) -> ConfigError:
    return ConfigError(f"{_PREFIX}{name} {problem}", hint=hint)
