"""The fields of a payload's type, for people who want to know what to write."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, get_type_hints

import msgspec

from jobq.schema import type_name


class PayloadField(msgspec.Struct, frozen=True):
    """A field: its name in JSON, its type in words, and whether it must be there."""

    name: str
    type: str
    required: bool


def fields_of(schema: Any) -> list[PayloadField]:
    """The fields of a dataclass, TypedDict, pydantic model or msgspec Struct; none for other types."""
    return [PayloadField(name, type_name(kind), required) for name, kind, required in _fields(schema)]


def _fields(schema: Any) -> Iterator[tuple[str, Any, bool]]:
    if not isinstance(schema, type):
        return
    if issubclass(schema, msgspec.Struct):
        yield from ((field.encode_name, field.type, field.required) for field in msgspec.structs.fields(schema))
    elif hasattr(schema, "model_fields"):
        for name, field in schema.model_fields.items():
            yield field.alias or name, field.annotation, field.is_required()
    elif dataclasses.is_dataclass(schema):
        hints = get_type_hints(schema)
        yield from ((field.name, hints[field.name], _is_required(field)) for field in dataclasses.fields(schema))
    elif (required := getattr(schema, "__required_keys__", None)) is not None:
        yield from ((name, kind, name in required) for name, kind in get_type_hints(schema).items())


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
