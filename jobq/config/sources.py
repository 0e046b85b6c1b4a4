"""The sources of settings: file, systemd credentials, environment, arguments. Each becomes a list of `Given`.

Decision: a source only says what stands where; it knows no types and checks no values, so that every value takes
the same way through `kinds` whatever its source. Each `Given` remembers its place, because an error that cannot
name the line is only half an error. tomllib forgets lines, so a small scan finds them again. Cost: a key inside
a multi-line string can lend its line to a later one of the same name; only the number in a message would be off.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jobq.config.places import candidates
from jobq.config.tables import KEYS, TABLES
from jobq.errors import ConfigError

PREFIX = "JOBQ_"
_EXCEPTIONS = {"DSN": "dsn", "HTTP_SECRET": "http.secret", "ENABLED": "enabled"}
_AWS = {
    "sqs.region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "sqs.endpoint_url": ("AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL"),
    "sqs.dead_letter_queue": ("SQS_DLQ_URL",),
}
_LARGEST_FILE = 1024 * 1024
_WORD = r"(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')"
_DOTTED = rf"{_WORD}(?:\s*\.\s*{_WORD})*"
_HEADER = re.compile(rf"\s*\[\s*({_DOTTED})\s*\]")
_ASSIGNMENT = re.compile(rf"\s*({_DOTTED})\s*=")
_POSITION = re.compile(r"\s*\(at line (\d+), column (\d+)\)$")


class Given(NamedTuple):
    """A value that a source gives for a dotted key; `base` is the folder that its relative paths start from."""

    key: str
    value: object
    origin: str
    base: Path


def find_file(named: Path | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The configuration file: the named one, that of `JOBQ_CONFIG`, or the first that is found.

    Raises `ConfigError` when a named file does not exist, or `JOBQ_CONFIG` makes no sense.
    """
    if named is not None:
        return _existing(cwd / named.expanduser(), "--config")
    if (text := _variable("CONFIG", environ)) is not None:
        return _existing(cwd / Path(text).expanduser(), f"{PREFIX}CONFIG")
    return next((path for path in candidates(environ, cwd) if _counts(path)), None)


def from_file(path: Path, cwd: Path) -> list[Given]:
    """Everything that a TOML file gives; of `pyproject.toml` only `[tool.jobq]`."""
    name = str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)
    text = _read(path, name)
    data, prefix = _parse(text, name), ""
    if path.name == "pyproject.toml":
        data, prefix = dict(_own_part(data)), "tool.jobq."
    lines = _lines_of(text)
    return [Given(key, value, _place(name, lines, prefix + key), path.absolute().parent) for key, value in _flat(data)]


def from_credentials(environ: Mapping[str, str], cwd: Path) -> list[Given]:
    """What systemd hands over in `$CREDENTIALS_DIRECTORY`: files named after keys, like `http.secret`.

    Other files there belong to somebody else, a plugin for example.
    """
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return []
    there = [(key, Path(folder) / key) for key in KEYS if (Path(folder) / key).is_file()]
    return [Given(key, _value_in(path, f"credential {key}"), f"credential {key}", cwd) for key, path in there]


def from_environment(environ: Mapping[str, str], cwd: Path) -> list[Given]:
    """What `JOBQ_TABLE__KEY`, the few exceptions, and their `…_FILE` variants give; in the order of their names."""
    given: dict[str, Given] = {}
    for name in sorted(environ):
        if (found := _key_of(name)) is None:
            continue
        key, is_file = found
        if key in given:
            first = given[key].origin
            raise ConfigError(f"{first} and {name} both set {key}", hint="unset one of them")
        value = _value_in(cwd / environ[name], name) if is_file else environ[name]
        given[key] = Given(key, value, name, cwd)
    return list(given.values())


def from_fallbacks(environ: Mapping[str, str], default_queue: str, cwd: Path) -> list[Given]:
    """What AWS's own variables and the customary `SQS_…` ones give, the first of a key before the others.

    Empty ones count as unset: they are not ours.
    """
    found = [(key, name) for key, names in _AWS.items() for name in names if environ.get(name)]
    given = [Given(key, environ[name], name, cwd) for key, name in found]
    if url := environ.get("SQS_QUEUE_URL"):
        given.append(Given("sqs.queues", {default_queue: url}, "SQS_QUEUE_URL", cwd))
    return given


def from_arguments(arguments: Mapping[str, object], cwd: Path) -> list[Given]:
    """Keyword arguments: `dsn=…`, `worker={"concurrency": 3}`, `worker__concurrency=3`; None means not given."""
    flat = ((name.replace("__", ".", 1), value) for name, value in _flat(arguments))
    return [Given(key, value, "argument", cwd) for key, value in flat if value is not None]


def _flat(data: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Dotted keys and values: the known tables are opened, whatever else is there stays as it is."""
    for name, value in data.items():
        if name in TABLES and isinstance(value, Mapping):
            yield from ((f"{name}.{key}", item) for key, item in value.items())
        else:
            yield name, value


def _key_of(variable: str) -> tuple[str, bool] | None:
    """The key that a variable sets, and whether it names a file with the value; None for a foreign variable."""
    if not variable.startswith(PREFIX):
        return None
    rest = variable.removeprefix(PREFIX)
    stem = rest.removesuffix("_FILE")
    if rest in _EXCEPTIONS or stem in _EXCEPTIONS:
        return _EXCEPTIONS.get(rest) or _EXCEPTIONS[stem], rest not in _EXCEPTIONS
    if "__" not in rest:
        return None
    key, file_key = (part.replace("__", ".", 1).lower() for part in (rest, stem))
    return (file_key, True) if stem != rest and file_key in KEYS else (key, False)


def _variable(name: str, environ: Mapping[str, str]) -> str | None:
    """The value of a variable or of its `_FILE` variant; raises `ConfigError` for both, and for an empty one."""
    variable = f"{PREFIX}{name}"
    text, file = environ.get(variable), environ.get(f"{variable}_FILE")
    if text is not None and file is not None:
        raise ConfigError(f"{variable} and {variable}_FILE are both set", hint="unset one of them")
    value = _value_in(Path(file), f"{variable}_FILE") if file is not None else text
    if value == "":
        raise ConfigError(f"{variable} is set, but empty", hint="unset it, or give it a value")
    return value


def _value_in(path: Path, origin: str) -> str:
    """A file's text without the line break at its end."""
    return _read(path, f"{origin} ({path})").rstrip("\r\n")


def _read(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
        if len(data) > _LARGEST_FILE:
            raise ConfigError(f"{name}: larger than 1 MiB", hint="is it the right file?")
        return data.decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"{name}: cannot be read: {reason}", hint="check the path and its permissions") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 at byte {error.start}", hint="save it as UTF-8") from error


def _existing(path: Path, origin: str) -> Path:
    if path.exists() and not path.is_dir():  # a pipe will do as well
        return path
    problem = "is a folder" if path.is_dir() else "does not exist"
    raise ConfigError(f"{origin}: {str(path)!r:.300} {problem}", hint="`jobq init` writes a configuration file")


def _counts(path: Path) -> bool:
    """Say whether a file that nobody named is a configuration of jobq.

    A file that is there and cannot be looked at counts: reading it will say why. Most projects' `pyproject.toml`
    has nothing to do with jobq, and its mistakes are not ours to report.
    """
    if not os.path.lexists(path):
        return False
    if path.name != "pyproject.toml":
        return True
    text = _read(path, path.name)
    return "jobq" in text and bool(_own_part(_parse(text, path.name)))


def _own_part(pyproject: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table `[tool.jobq]`, empty when there is none."""
    tool = pyproject.get("tool")
    own = tool.get("jobq", {}) if isinstance(tool, Mapping) else {}
    if not isinstance(own, Mapping):
        raise ConfigError("pyproject.toml: tool.jobq is a table, not a value", hint="write [tool.jobq] above its keys")
    return own


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also an endless number, or endless brackets
        reason = str(error)
        place = _POSITION.search(reason)
        where = f"{name}:{place[1]}:{place[2]}" if place else name
        problem = reason[: place.start()] if place else reason
        raise ConfigError(f"{where}: not TOML: {problem}", hint="text values need quotes") from error


def _lines_of(text: str) -> dict[str, int]:
    """The line of each dotted key's first mention."""
    lines: dict[str, int] = {}
    prefix = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            prefix = f"{_plain(header[1])}."
            lines.setdefault(prefix[:-1], number)
        elif assignment := _ASSIGNMENT.match(line):
            lines.setdefault(prefix + _plain(assignment[1]), number)
    return lines


def _plain(dotted: str) -> str:
    return ".".join(word.strip("\"'") for word in re.findall(_WORD, dotted))


def _place(name: str, lines: Mapping[str, int], key: str) -> str:
    """The nearest line that is known: the key's own, or that of the table that holds it."""
    while key not in lines and "." in key:
        key = key.rpartition(".")[0]
    return f"{name}:{lines[key]}" if key in lines else name
