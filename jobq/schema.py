"""Typed payloads: what a handler's annotation promises, held against what was enqueued.

Decision: the annotation is the schema. Dataclasses, TypedDicts and msgspec Structs are read by msgspec, pydantic
models by pydantic, each by its own rules; jobq adds no language of its own. A caller learns of every wrong field
at once, with its path, so msgspec's first complaint starts a walk through the fields. Cost: that walk converts
the payload a second time, but only when it is wrong.

Messages name types and never repeat a value under a key that looks secret. pydantic is imported only when a
handler uses it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from inspect import Parameter, isclass, signature, unwrap
from types import NoneType, SimpleNamespace, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    NamedTuple,
    NotRequired,
    Protocol,
    Required,
    Union,
    get_args,
    get_origin,
)
from typing import get_type_hints as hints_of

import msgspec

from jobq.errors import BadPayload, InvalidValue
from jobq.masking import looks_secret
from jobq.payload import json_path

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MOST_PROBLEMS = 20
Steps = tuple[str | int, ...]
_SUPPORTED = "use a dataclass, TypedDict, pydantic model or msgspec Struct, or dict for anything"
_LISTS = (list, tuple, set, frozenset, Sequence)
_OBJECTS = (dict, Mapping)


class Problem(NamedTuple):
    """A part of a payload that does not fit: where (`$.to[0]`) and why."""

    path: str
    text: str


class Field(NamedTuple):
    """A field of an object type, under the name that it has in JSON."""

    name: str
    type: Any
    required: bool


class KnowsTypes(Protocol):
    """What `checker` asks: the payload type of a name, None when there is none or the name is unknown."""

    def schema_of(self, name: str) -> Any:
        """The type that a name's payload must fit."""


def checker(types: KnowsTypes) -> Callable[[str, Any], Any]:
    """Return the check that an enqueue makes: `(name, payload)` -> the JSON value to store.

    A payload that is itself a dataclass, Struct or pydantic model is turned into JSON kinds first. The value is
    stored as it was given, without the type's defaults, so that a newer handler may bring newer ones. Raises
    `BadPayload` when it does not fit the type of a handler that this process knows.
    """

    def check(name: str, payload: Any) -> Any:
        value = _as_json(payload)
        kind = types.schema_of(name)
        if kind is not None:
            validate(value, kind)
        return value

    return check


def payload_type(function: Callable[..., Any]) -> Any:
    """Return the type that a handler's first parameter promises, or None when it promises nothing.

    No annotation, `Any`, `object` and a plain `dict` promise nothing. Raises `InvalidValue` when the annotation
    cannot be resolved, or is of a kind that cannot be read from JSON.
    """
    annotation = _first_annotation(function)
    kind = _resolve(annotation, function) if isinstance(annotation, str) else annotation
    if _says_nothing(kind):
        return None
    _check_supported(kind)
    return kind


def written_function(function: Any) -> Any:
    """The function that somebody wrote: behind decorators, `functools.partial` and objects with `__call__`."""
    inner = unwrap(function)
    if isinstance(inner, partial):
        return written_function(inner.func)
    return inner if hasattr(inner, "__code__") else getattr(type(inner), "__call__", inner)  # noqa: B004


def validate(value: Any, kind: Any) -> Any:
    """Return a JSON value as the type `kind` that the handler asks for.

    Raises `BadPayload` that names every wrong field with its JSON path, at most 20 of them.
    """
    try:
        return _read(value, kind)
    except ValueError as error:  # pydantic's and msgspec's own; their text and cause may repeat the payload
        problems = list(_problems(value, kind, ())) or [_split(error, ())]
    raise BadPayload(f"payload does not fit {type_name(kind)}: {_listed(problems)}", hint=_origin(kind))


def type_name(kind: Any) -> str:
    """Return a type's name as a reader would write it."""
    return kind.__qualname__ if isclass(kind) and not get_args(kind) else str(kind).replace("typing.", "")


def _as_json(payload: Any) -> Any:
    kind: Any = type(payload)
    if _is_pydantic(kind):
        return _adapter(kind).dump_python(payload, mode="json")
    if not isinstance(payload, msgspec.Struct) and (isclass(payload) or not dataclasses.is_dataclass(payload)):
        return payload
    try:
        return msgspec.to_builtins(payload, enc_hook=_part_as_json)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadPayload(f"{type_name(kind)} cannot be turned into JSON: {error}", hint=_SUPPORTED) from error


def _part_as_json(part: Any) -> Any:
    if not _is_pydantic(type(part)):
        raise TypeError(f"{type_name(type(part))} is no JSON type")
    return _as_json(part)


def _origin(kind: Any) -> str:
    module = getattr(kind, "__module__", "typing")
    return "correct these fields" if module == "typing" else f"correct these fields; the type is defined in {module}"


def _listed(problems: list[Problem]) -> str:
    listed = "; ".join(f"{path}: {text}" for path, text in problems[:MOST_PROBLEMS])
    return listed if len(problems) <= MOST_PROBLEMS else f"{listed}; and {len(problems) - MOST_PROBLEMS} more"


def _first_annotation(function: Callable[..., Any]) -> Any:
    first = next(iter(signature(function).parameters.values()), None)
    return Parameter.empty if first is None else first.annotation


def _resolve(annotation: str, function: Callable[..., Any]) -> Any:
    """Resolve the one annotation that matters: the others may name what is imported for type checkers only."""
    namespace = getattr(written_function(function), "__globals__", {})
    holder: Any = SimpleNamespace(__annotations__={"payload": annotation})
    try:
        return hints_of(holder, globalns=namespace, include_extras=True)["payload"]
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        raise InvalidValue(
            f"the payload's annotation {annotation!r} cannot be resolved: {error}",
            hint="define or import the type at the top of the module, not only under TYPE_CHECKING",
        ) from error


def _says_nothing(kind: Any) -> bool:
    if kind in (Parameter.empty, Any, object, None, *_OBJECTS):
        return True
    return get_origin(kind) in _OBJECTS and get_args(kind)[-1] in (Any, object)


def _check_supported(kind: Any) -> None:
    try:
        if _is_pydantic(kind):
            _adapter(kind)
        else:
            _check_readable(kind)
    except (TypeError, NameError, RuntimeError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidValue(f"a payload cannot be read as {type_name(kind)}: {reason}", hint=_SUPPORTED) from error


def _check_readable(kind: Any) -> None:
    for custom in _custom_classes(msgspec.inspect.type_info(kind)):
        if not _is_pydantic(custom):
            raise TypeError(f"{type_name(custom)} is no JSON type")


def _custom_classes(info: object) -> Iterator[Any]:
    """Every class in a type that msgspec knows nothing about."""
    seen: set[int] = set()
    todo = [info]
    while todo:
        part = todo.pop()
        if isinstance(part, msgspec.inspect.CustomType):
            yield part.cls
        elif isinstance(part, tuple):
            todo += part
        elif isinstance(part, msgspec.Struct) and id(part) not in seen:
            seen.add(id(part))
            todo += [getattr(part, name) for name in part.__struct_fields__]


def _read(value: Any, kind: Any) -> Any:
    if not _is_pydantic(kind):
        return msgspec.convert(value, kind, dec_hook=_read_custom)
    # As JSON text: pydantic's strict models take a date from JSON, but not from a Python string.
    return _adapter(kind).validate_json(json.dumps(value))


def _read_custom(kind: Any, value: Any) -> Any:
    return _read(value, kind)


def _is_pydantic(kind: Any) -> bool:
    """True for a model, a pydantic dataclass, and for a list, union or the like of them."""
    if isclass(kind) and "__pydantic_validator__" in dir(kind):
        return True
    return any(_is_pydantic(part) for part in get_args(kind))


@lru_cache(maxsize=256)  # building one costs milliseconds, and a handler has one type for its whole life
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _problems(value: Any, kind: Any, steps: Steps) -> Iterator[Problem]:
    """Everything that is wrong below a path; what the parts do not explain is said of the whole."""
    if _is_pydantic(kind):
        yield from _pydantic_problems(value, kind, steps)
        return
    found = False
    for part, part_kind, step in _parts(value, _without_none(kind)):
        for problem in (
            _missing((*steps, step)) if part is msgspec.UNSET else _problems(part, part_kind, (*steps, step))
        ):
            found = True
            yield problem
    if not found:
        yield from _problem_of_whole(value, kind, steps)


def _parts(value: Any, kind: Any) -> Iterator[tuple[Any, Any, str | int]]:
    """The parts of a value, each with its type and the step to it; a missing one is `UNSET`."""
    arguments = get_args(kind)
    match value:
        case dict() if (fields := _fields_of(kind)) is not None:
            wanted = (field for field in fields if field.name in value or field.required)
            yield from ((value.get(field.name, msgspec.UNSET), field.type, field.name) for field in wanted)
        case dict() if get_origin(kind) in _OBJECTS:
            yield from ((item, arguments[-1], key) for key, item in value.items())
        case list() if get_origin(kind) in _LISTS and len({*arguments} - {...}) == 1:
            yield from ((item, arguments[0], index) for index, item in enumerate(value))
        case _:
            pass


def _missing(steps: Steps) -> Iterator[Problem]:
    yield Problem(json_path(steps), "missing")


def _without_none(kind: Any) -> Any:
    """The type behind `Annotated` and `… | None`."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _without_none(arguments[0])
    others = [argument for argument in arguments if argument is not NoneType]
    return _without_none(others[0]) if origin in (Union, UnionType) and len(others) == 1 else kind


def _fields_of(kind: Any) -> list[Field] | None:
    """The fields of an object type, or None for any other type."""
    if not isclass(kind):
        return None
    if issubclass(kind, msgspec.Struct):
        listed = [] if kind.__struct_config__.array_like else msgspec.structs.fields(kind)
        return [Field(field.encode_name, field.type, field.required) for field in listed]
    if dataclasses.is_dataclass(kind):
        hints = hints_of(kind, include_extras=True)
        return [
            Field(field.name, hints[field.name], _is_required(field))
            for field in dataclasses.fields(kind)
            if field.init
        ]
    if issubclass(kind, dict) and (required := getattr(kind, "__required_keys__", None)) is not None:
        hints = hints_of(kind, include_extras=True)
        return [Field(name, _without_marker(hint), name in required) for name, hint in hints.items()]
    return None


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _without_marker(hint: Any) -> Any:
    return _without_marker(get_args(hint)[0]) if get_origin(hint) in (Required, NotRequired) else hint


def _problem_of_whole(value: Any, kind: Any, steps: Steps) -> Iterator[Problem]:
    try:
        msgspec.convert(value, kind, dec_hook=_read_custom)
    except ValueError as error:
        yield _split(error, steps)


def _split(error: ValueError, steps: Steps) -> Problem:
    """Take msgspec's message apart: the reason, and the path that it names at its end."""
    text, _, below = str(error).partition(" - at `$")
    return _worded(json_path(steps) + below.rstrip("`"), text)


def _pydantic_problems(value: Any, kind: Any, steps: Steps) -> Iterator[Problem]:
    from pydantic import ValidationError

    try:
        _read(value, kind)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=False, include_input=False):
            path = json_path((*steps, *detail["loc"]))
            yield Problem(path, "missing") if detail["type"] == "missing" else _worded(path, detail["msg"])


def _worded(path: str, text: str) -> Problem:
    """A text may quote the value, so that of a secret is not repeated."""
    return Problem(path, "does not fit" if looks_secret(path) else text.partition("\n")[0])
