"""What is printed: one JSON document, lines, or notes beside the data. Tables are in `render`.

The shapes here are promises to scripts, held by golden tests: a list is `{"items": […], "next_cursor": …}`, an
instant RFC 3339 in UTC, a duration seconds as a float.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from jobq.instants import format_instant
from jobq.jobs import Job
from jobq.masking import redact

# Eight-bit terminal controls and characters that turn the direction of writing; JSON would let them through.
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

JOB_FIELDS = (
    "id", "name", "queue", "state", "priority", "attempt", "max_attempts", "crashes", "payload", "result", "progress",
    "metadata", "tags", "unique_key", "partition_key", "run_at", "created_at", "updated_at", "started_at",
    "finished_at", "expires_at", "timeout", "errors", "worker", "blocked_by", "batch_id", "schedule", "reason",
)  # fmt: skip
_PRIVATE = ("payload", "result", "metadata")


def print_document(value: object) -> None:
    """Print one JSON document: indented on a terminal, on one line elsewhere."""
    print(document_text(value, indent=2 if sys.stdout.isatty() else None))


def document_text(value: object, *, indent: int | None = None) -> str:
    """The JSON text of a document, with everything escaped that could drive a terminal."""
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    text = json.dumps(plain(value), ensure_ascii=ascii_only, indent=indent)
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_lines(lines: Iterable[str]) -> None:
    """Print ids, a line each."""
    for line in lines:
        print(safe(line))


def print_note(text: str) -> None:
    """Print a line to standard error."""
    print(safe(text), file=sys.stderr, flush=True)


def safe(text: str) -> str:
    r"""Return text that cannot drive a terminal: control characters become visible, like `\x1b`."""
    return _UNSAFE.sub(lambda found: repr(found[0])[1:-1], text)


def page(items: Sequence[object], next_cursor: str | None = None) -> dict[str, object]:
    """The shape of every list."""
    return {"items": list(items), "next_cursor": next_cursor}


def job_object(job: Job, secret_keys: Sequence[str]) -> dict[str, object]:
    """The job object: the contract's fields, what looks secret masked."""
    fields = {name: getattr(job, name) for name in JOB_FIELDS}
    return fields | {name: redact(fields[name], secret_keys) for name in _PRIVATE}


def plain(value: object) -> Any:
    """A value as JSON kinds: instants in UTC, structs as objects."""
    match value:
        case datetime():
            return format_instant(value)
        case msgspec.Struct():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value
