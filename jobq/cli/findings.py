"""What is wrong, or may turn out to be, with plugins and handlers: pure judgement over what was loaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from jobq.cli.fields import fields_of
from jobq.config import Config
from jobq.durations import format_duration
from jobq.handlers import Handler
from jobq.masking import looks_secret
from jobq.plugins import Plugins


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something about a plugin or handler: an `error` keeps it from working, a `warning` may hurt one day."""

    subject: str
    level: Literal["error", "warning"]
    code: str
    message: str
    hint: str | None = None


def findings_of(plugins: Plugins, config: Config) -> list[Finding]:
    """Everything there is to say, errors first."""
    broken = [
        Finding(subject=one.name, level="error", code=one.error.code, message=one.error.message, hint=one.error.hint)
        for one in plugins.broken
    ]
    handlers = sorted(plugins.registry, key=lambda handler: handler.name)
    return broken + [finding for handler in handlers for finding in _about(handler, config)]


def _about(handler: Handler, config: Config) -> Iterator[Finding]:
    if handler.timeout is None:
        default = format_duration(config.defaults.timeout)
        yield _warning(handler, "no_timeout", f"declares no timeout, so that {default} holds", "timeout='30s'")
    if handler.on_failed is None:
        yield _warning(handler, "no_on_failed", "has no on_failed: nobody is told when a job fails for good", None)
    if handler.schema is None:
        hint = "annotate the payload with a dataclass, TypedDict, pydantic model or msgspec Struct"
        yield _warning(handler, "no_schema", "takes any payload, so that mistakes show when it runs", hint)
    for key in secret_keys_of(handler.schema, config):
        hint = "pass a reference to the secret; payloads are stored, and masked only where they are shown"
        yield _warning(handler, "secret_in_payload", f"wants the payload to hold {key}, which looks secret", hint)


def secret_keys_of(schema: Any, config: Config) -> list[str]:
    """The fields of a payload's type whose names look secret."""
    return [field.name for field in fields_of(schema) if looks_secret(field.name, config.redact.keys)]


def _warning(handler: Handler, code: str, message: str, hint: str | None) -> Finding:
    return Finding(subject=handler.name, level="warning", code=code, message=message, hint=hint)
