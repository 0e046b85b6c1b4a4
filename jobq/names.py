"""Names, queues, priorities, ids and keys: which texts are allowed, and what a mistyped one may have meant.

Decision: every check returns the value it was given or raises `InvalidValue` with the rule in words, so that
the command line, HTTP, configuration and Python refuse the same things in the same sentence. Checks take
`object`, because most values arrive from JSON and a wrong type deserves the same answer as a wrong character.
Names and queues are ASCII: they are typed in shells, matched by globs in four stores and put into metrics.
Cost: a name in another script is refused, while ids, keys and tags may hold any printable text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from jobq.errors import InvalidValue

MAX_NAME: Final = 200
MAX_QUEUE: Final = 100
MAX_ID: Final = 200
MAX_KEY: Final = 200
LOWEST_PRIORITY: Final = 32767
HIGHEST_PRIORITY: Final = -32768
PRIORITIES: Final = {"critical": -20, "high": -10, "default": 0, "normal": 0, "low": 10}

_TELLING = 3  # a shorter part of a word is found in too many others
_NAME = re.compile(r"[A-Za-z0-9_.-]+(?::[A-Za-z0-9_.-]+)*")
_QUEUE = re.compile(r"[A-Za-z0-9_.-]+")
_UNSTORABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_INTEGER = re.compile(r"[+-]?[0-9]{1,6}")


def check_name(text: object) -> str:
    """Return a job's name as it is, or raise `InvalidValue`: `namespace:action`, at most 200 characters."""
    name = _bounded(text, MAX_NAME, "name")
    if not _NAME.fullmatch(name):
        raise InvalidValue(
            f"name {name!r:.80} is not of the form namespace:action",
            hint="use A-Z, a-z, 0-9, '_', '.' and '-', with single colons between the parts, like email:send",
        )
    return name


def check_queue(text: object) -> str:
    """Return a queue's name as it is, or raise `InvalidValue`: one word of at most 100 characters."""
    queue = _bounded(text, MAX_QUEUE, "queue")
    if not _QUEUE.fullmatch(queue):
        raise InvalidValue(
            f"queue {queue!r:.80} has a character that queues may not have",
            hint="use A-Z, a-z, 0-9, '_', '.' and '-', like emails",
        )
    return queue


def check_id(text: object) -> str:
    """Return a given job id as it is, or raise `InvalidValue`.

    An id is 1 to 200 printable characters. Blanks at either end are refused: ids are read from lines of text,
    where they would be lost.
    """
    given = _bounded(text, MAX_ID, "id")
    if not given.isprintable() or given != given.strip():
        raise InvalidValue(
            f"id {given!r:.80} has a character that cannot be printed, or a blank at an end",
            hint="use letters, digits and punctuation, or leave the id out to get one made",
        )
    return given


def check_key(text: object, *, what: str = "key") -> str:
    """Return a unique key, partition key or tag as it is, or raise `InvalidValue`.

    It is 1 to 200 characters without NUL, control characters or lone surrogates. `what` names it in the error.
    """
    key = _bounded(text, MAX_KEY, what)
    if found := _UNSTORABLE.search(key):
        raise InvalidValue(
            f"{what} {key!r:.80} has the character U+{ord(found[0]):04X} at position {found.start()}",
            hint="leave out control characters; a hash of the text makes a good key",
        )
    return key


def parse_priority(value: object) -> int:
    """Return the priority as an integer from -32768 to 32767; a lower one runs first.

    Takes an integer, its digits, or one of `critical` (-20), `high` (-10), `default`, `normal` (0), `low` (10)
    in any case. Raises `InvalidValue` for anything else, `True` and `1.0` included.
    """
    number = _priority_of(value)
    if number is None:
        raise InvalidValue(f"priority {_shown(value)} is neither an integer nor a known word", hint=_words_like(value))
    if not HIGHEST_PRIORITY <= number <= LOWEST_PRIORITY:
        raise InvalidValue(
            f"priority {_shown(value)} is out of range",
            hint=f"use an integer from {HIGHEST_PRIORITY} (first) to {LOWEST_PRIORITY} (last)",
        )
    return number


def matches(glob: str, name: str) -> bool:
    """Say whether a filter's glob covers the whole name.

    `*` stands for any characters or none, `?` for exactly one; everything else, brackets too, stands for
    itself, and case counts. Two wildcards are all that every store can translate faithfully.
    """
    return fnmatchcase(name, glob.replace("[", "[[]"))


def near(word: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """Return up to `most` known words that `word` may have meant, the likeliest first.

    Looks past case, and finds a word from a part of it: `send` finds `email:send`.
    """
    from difflib import get_close_matches  # late: only a mistake needs it

    folded = word[:MAX_NAME].casefold()
    spellings: dict[str, list[str]] = {}
    for candidate in sorted(set(known)):
        spellings.setdefault(candidate.casefold(), []).append(candidate)
    alike = get_close_matches(folded, spellings, n=most)
    around = [spelling for spelling in spellings if len(folded) >= _TELLING and folded in spelling]
    return [word for spelling in dict.fromkeys(alike + around) for word in spellings[spelling]][:most]


def _bounded(text: object, most: int, what: str) -> str:
    if not isinstance(text, str):
        raise InvalidValue(f"{what} must be text, not {type(text).__name__}", hint=f"put the {what} in quotes")
    if not 1 <= len(text) <= most:
        problem = f"is {len(text)} characters long" if text else "is empty"
        raise InvalidValue(f"{what} {problem}", hint=f"use 1 to {most} characters")
    return text


def _priority_of(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if not isinstance(value, str):
        return None
    word = value.strip().lower()
    return int(word) if _INTEGER.fullmatch(word) else PRIORITIES.get(word)


def _shown(value: object) -> str:
    """Return the value for an error text; Python refuses to write out an integer of thousands of digits."""
    short = isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 10**20)
    return f"{value!r:.80}" if short else f"of type {type(value).__name__}"


def _words_like(value: object) -> str:
    meant = near(value, PRIORITIES, most=1) if isinstance(value, str) else []
    return f"did you mean {meant[0]}?" if meant else f"use an integer or one of {', '.join(PRIORITIES)}"
