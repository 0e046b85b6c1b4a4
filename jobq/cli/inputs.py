"""Where payloads and ids come from: the line, a file, standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from jobq import payload as json_text
from jobq.cli import output
from jobq.cli.values import pairs
from jobq.errors import BadPayload, InputMissing, UsageError

LARGEST = 64 * 2**20
STDIN = "-"


def read_payload(argument: str | None, option: str | None, assignments: Sequence[str] | None) -> object:
    """The payload that was asked for; None when there is none.

    It is JSON on the line, `@file`, or `-` for standard input; `@@…` stands for text that begins with an `@`.
    `key=text` and `key:=json` build an object, or add to the one that was given.
    """
    if argument is not None and option is not None:
        raise UsageError("the payload is given twice", hint="leave out --payload, or the argument before it")
    source = argument if option is None else option
    value = None if source is None else json_text.decode_text(_text_of(source), limit=None)
    added = pairs("-a", assignments)
    if not added:
        return value
    if value is not None and not isinstance(value, dict):
        raise BadPayload(
            f"-a adds keys to an object, and the payload is a {type(value).__name__}", hint="leave one out"
        )
    if twice := sorted(added.keys() & (value or {}).keys()):
        raise UsageError(f"the key {twice[0]!r:.60} is in the payload and in -a", hint="keep one of them")
    return {**(value or {}), **added}


def read_ids(given: Iterable[str]) -> list[str]:
    """The ids on the line, and in place of `-` those on standard input, one in each line; each id once."""
    found: list[str] = []
    for id in given:
        found += _lines() if id == STDIN else [id]
    return list(dict.fromkeys(found))


def open_input(path: str) -> BinaryIO:
    """Open a file, or standard input for `-`; raises `InputMissing` that says why not."""
    if path == STDIN:
        return sys.stdin.buffer
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise _missing(path, error) from error


def _text_of(source: str) -> str | bytes:
    if source == STDIN:
        if sys.stdin.isatty():
            output.print_note("reading the payload from the terminal; end it with Ctrl-D")
        return _bounded(sys.stdin.buffer, "standard input")
    if source.startswith("@@"):
        return source[1:]
    if not source.startswith("@"):
        return source
    with open_input(source[1:]) as file:
        return _bounded(file, source[1:])


def _bounded(file: BinaryIO, name: str) -> bytes:
    try:
        data = file.read(LARGEST + 1)
    except OSError as error:
        raise _missing(name, error) from error
    if len(data) > LARGEST:
        raise BadPayload(
            f"{name} holds more than {LARGEST // 2**20} MiB", hint="pass a reference to the data, like a path"
        )
    return data


def _lines() -> list[str]:
    if sys.stdin.isatty():
        output.print_note("reading ids from the terminal, one a line; end with Ctrl-D")
    text = sys.stdin.buffer.read().decode(errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _missing(path: str, error: OSError) -> InputMissing:
    hint = "check the path; it is relative to the current directory" if isinstance(error, FileNotFoundError) else None
    return InputMissing(f"{path}: cannot be read: {error.strerror or error}", hint=hint)
