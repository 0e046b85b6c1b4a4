"""What SQLite's own functions cannot say about a payload."""

from __future__ import annotations

import json
from typing import Any

from jobq.payload import decode

_ABSENT = object()


def payload_has(payload: str, conditions: str) -> bool:
    """Whether a payload fulfils all conditions: a JSON list of pairs of a dotted path and a JSON value.

    Done here, because `json_extract` reads its path as a language of its own, rounds integers above 63 bits and
    takes 1, 1.0 and true for the same.
    """
    content = decode(payload)
    return all(_same(_at(content, path), wanted) for path, wanted in json.loads(conditions))


def _at(content: Any, path: str) -> Any:
    """What stands at a path; the items of a list are numbered from 0."""
    for step in path.split("."):
        if isinstance(content, dict) and step in content:
            content = content[step]
        elif isinstance(content, list) and step.isdecimal() and int(step) < len(content):
            content = content[int(step)]
        else:
            return _ABSENT
    return content


def _same(found: Any, wanted: Any) -> bool:
    return type(found) is type(wanted) and bool(found == wanted)
