"""`config.example.toml`, written from the tables, so that it cannot disagree with them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field
from typing import Any

from jobq.config.tables import TABLES, Config, Key, keys_of

HEAD = """\
# Every setting of jobq. A line that begins with "# " and a key shows the default, or an example where the setting
# is unset by default; take the "# " away to set it.
#
# Found as --config FILE, $JOBQ_CONFIG, ./jobq.toml, [tool.jobq] in ./pyproject.toml,
# $XDG_CONFIG_HOME/jobq/config.toml, /etc/jobq/config.toml; the first one counts. The environment comes after it
# (JOBQ_WORKER__CONCURRENCY=4, or JOBQ_WORKER__CONCURRENCY_FILE=/a/file/with/the/value), then the command line.
# Durations are like 30s, 5m, 1h30m, 1d; a bare number is seconds. Sizes are like 512MiB.
"""


def example() -> str:
    """The text of a configuration file that names every key, each with one line about it, and sets none."""
    return "\n".join([HEAD, *_top(), *(line for name, kind in TABLES.items() for line in _table(name, kind))])


def _top() -> Iterator[str]:
    for name, declared, item in keys_of(Config):
        yield from _entry(name, declared, item)


def _table(name: str, kind: type[Any]) -> Iterator[str]:
    yield f"# {(kind.__doc__ or '').partition(': ')[2]}"
    yield f"[{name}]"
    yield ""
    for leaf, declared, item in keys_of(kind):
        yield from _entry(leaf, declared, item)


def _entry(name: str, declared: Key, item: Field[Any]) -> Iterator[str]:
    has_default = item.default is not MISSING and declared.example is None
    value = item.default if has_default else declared.example
    shown = declared.kind.write(value) if has_default or declared.example is not None else value
    yield f"# {declared.about}"
    yield f"# {name} = {_toml(shown)}"
    yield ""


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
