from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, TypedDict

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq.errors import BadPayload, InvalidValue
from jobq.schema import checker, payload_type, validate

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForCheckers


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@dataclass
class Address:
    street: str
    number: int
    zip: str | None = None


@dataclass
class Order:
    id: int
    to: Address
    items: list[Address] = field(default_factory=list)
    size: Size = Size.SMALL
    at: datetime | None = None

    def __post_init__(self) -> None:
        if self.id < 0:
            raise ValueError("id is negative")


class Email(TypedDict):
    to: str
    count: int
    cc: NotRequired[list[str]]


class Image(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    source_path: str
    width: Annotated[int, msgspec.Meta(ge=1, le=100)]
    password: Literal["a", "b"] | None = None


class Person(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0)
    born: datetime | None = None


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, extra="forbid")
    at: datetime
    tags: set[str] = set()


class Team(msgspec.Struct):
    lead: Person
    rest: list[Person] = []


class NoJson:
    pass


@dataclass
class HoldsNoJson:
    thing: NoJson


def problems(value: Any, kind: Any) -> list[str]:
    with pytest.raises(BadPayload) as caught:
        validate(value, kind)
    return caught.value.message.partition(": ")[2].split("; ")


# What an annotation promises


def test_an_annotation_is_the_schema() -> None:
    def plain(payload: Order, ctx: Any) -> None: ...
    def optional(payload: Order | None) -> None: ...
    def many(payload: list[Email]) -> None: ...
    async def later(payload: Person) -> None: ...

    assert payload_type(plain) is Order
    assert payload_type(optional) == Order | None
    assert payload_type(many) == list[Email]
    assert payload_type(later) is Person


def test_an_annotation_that_promises_nothing_is_no_schema() -> None:
    def bare(payload): ...  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    def anything(payload: Any) -> None: ...
    def thing(payload: object) -> None: ...
    def plain(payload: dict) -> None: ...  # type: ignore[type-arg]
    def spelt(payload: dict[str, Any]) -> None: ...
    def mapping(payload: Mapping[str, object]) -> None: ...

    assert [payload_type(f) for f in (bare, anything, thing, plain, spelt, mapping)] == [None] * 6


def test_the_other_annotations_may_be_for_type_checkers_only() -> None:
    def handler(payload: Order, ctx: OnlyForCheckers) -> OnlyForCheckers: ...  # type: ignore[empty-body]

    assert payload_type(handler) is Order


def test_a_payload_type_that_exists_for_type_checkers_only_is_refused() -> None:
    def handler(payload: OnlyForCheckers) -> None: ...

    with pytest.raises(InvalidValue, match=r"'OnlyForCheckers' cannot be resolved.*TYPE_CHECKING"):
        payload_type(handler)


def test_a_type_that_json_cannot_fill_is_refused_before_any_job_fails_of_it() -> None:
    def direct(payload: NoJson) -> None: ...
    def nested(payload: list[HoldsNoJson]) -> None: ...
    def union(payload: Order | Address) -> None: ...

    for function in (direct, nested, union):
        with pytest.raises(InvalidValue, match="a payload cannot be read as"):
            payload_type(function)


# Conversion


def test_a_dataclass_is_filled_with_everything_in_it() -> None:
    value = {"id": 1, "to": {"street": "a", "number": 2}, "items": [{"street": "b", "number": 3, "zip": "z"}]}

    order = validate({**value, "size": "large", "at": "2026-01-02T03:04:05Z"}, Order)

    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert order == Order(1, Address("a", 2), [Address("b", 3, "z")], Size.LARGE, when)


def test_every_kind_of_type_is_read_by_its_own_rules() -> None:
    assert validate({"to": "a", "count": 1}, Email) == {"to": "a", "count": 1}
    assert validate({"sourcePath": "a", "width": 7}, Image) == Image(source_path="a", width=7)
    assert validate({"name": "a", "age": "7"}, Person) == Person(name="a", age=7)
    assert validate(None, Order | None) is None
    assert validate([{"to": "a", "count": 1}], list[Email]) == [{"to": "a", "count": 1}]
    assert validate([{"name": "a", "age": 7}], list[Person]) == [Person(name="a", age=7)]
    assert validate({"a": 1}, dict[str, int]) == {"a": 1}


def test_a_strict_pydantic_model_reads_json_as_json() -> None:
    strict = validate({"at": "2026-01-02T03:04:05Z", "tags": ["a"]}, Strict)

    assert strict == Strict(at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), tags={"a"})


def test_a_pydantic_model_may_sit_inside_a_struct() -> None:
    value = {"lead": {"name": "a", "age": 1}, "rest": [{"name": "b", "age": 2}]}

    assert validate(value, Team) == Team(Person(name="a", age=1), [Person(name="b", age=2)])


# Mistakes


def test_every_wrong_field_of_a_dataclass_is_named_with_its_path() -> None:
    value = {
        "to": {"street": 5},
        "items": [{"street": "a", "number": 1}, {"street": "a", "number": "x"}, 7],
        "size": "no",
    }

    assert problems(value, Order) == [
        "$.id: missing",
        "$.to.street: Expected `str`, got `int`",
        "$.to.number: missing",
        "$.items[1].number: Expected `int`, got `str`",
        "$.items[2]: Expected `object`, got `int`",
        "$.size: Invalid enum value 'no'",
    ]


def test_every_wrong_field_of_a_typed_dict_is_named() -> None:
    assert problems({"cc": ["a", 1]}, Email) == [
        "$.to: missing",
        "$.count: missing",
        "$.cc[1]: Expected `str`, got `int`",
    ]


def test_every_wrong_field_of_a_struct_is_named_as_in_json() -> None:
    assert problems({"width": 0}, Image) == ["$.sourcePath: missing", "$.width: Expected `int` >= 1"]


def test_an_unknown_field_is_named_where_the_type_forbids_it() -> None:
    assert problems({"sourcePath": "a", "width": 1, "hight": 2}, Image) == ["$: Object contains unknown field `hight`"]


def test_every_wrong_field_of_a_pydantic_model_is_named() -> None:
    assert problems({"age": -1, "born": "soon"}, Person) == [
        "$.name: missing",
        "$.age: Input should be greater than or equal to 0",
        "$.born: Input should be a valid datetime or date, input is too short",
    ]


def test_every_wrong_field_is_named_across_libraries() -> None:
    assert problems({"lead": {"age": 1}, "rest": [{"name": "b", "age": "x"}]}, Team) == [
        "$.lead.name: missing",
        "$.rest[0].age: Input should be a valid integer, unable to parse string as an integer",
    ]


def test_a_wrong_entry_of_a_table_is_named_by_its_key() -> None:
    assert problems({"a": 1, "b c": "x"}, dict[str, int]) == ['$["b c"]: Expected `int`, got `str`']


def test_what_a_constructor_refuses_is_said_of_the_whole() -> None:
    assert problems({"id": -1, "to": {"street": "a", "number": 1}}, Order) == ["$: id is negative"]


@pytest.mark.parametrize(("kind", "name"), [(Order, "Order"), (list[Order], "list["), (Order | None, "Order | None")])
def test_the_message_names_the_type_and_the_hint_where_it_is_defined(kind: Any, name: str) -> None:
    with pytest.raises(BadPayload) as caught:
        validate("text", kind)

    assert name in caught.value.message
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("correct these fields")


def test_a_long_list_of_mistakes_is_cut() -> None:
    found = problems(["x"] * 1000, list[int])

    assert len(found) == 21
    assert found[-1] == "and 980 more"


def test_the_value_of_a_secret_field_is_never_repeated() -> None:
    with pytest.raises(BadPayload) as caught:
        validate({"sourcePath": "a", "width": 1, "password": "hunter2"}, Image)

    assert "$.password: does not fit" in caught.value.message
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_value_inside_a_pydantic_model_is_never_repeated() -> None:
    with pytest.raises(BadPayload) as caught:
        validate({"lead": {"name": "a", "age": "hunter2"}}, Team)

    assert "hunter2" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "to", "street", "number", "items", "name", "age", "lead", "x"]), inner)
    ),
    max_leaves=10,
)


@given(JSON, st.sampled_from([Order, Email, Image, Person, Team, Strict, list[Order], dict[str, Email], Order | None]))
def test_any_json_either_fits_or_is_refused_with_a_path(value: Any, kind: Any) -> None:
    try:
        validate(value, kind)
    except BadPayload as error:
        message = error.message
    else:
        message = ": $"

    assert ": $" in message


# The check that an enqueue makes


class Types:
    def __init__(self, **kinds: Any) -> None:
        self._kinds = kinds

    def schema_of(self, name: str) -> Any:
        return self._kinds.get(name)


def test_an_enqueue_stores_the_value_as_it_was_given() -> None:
    check = checker(Types(order=Order))
    value = {"id": 1, "to": {"street": "a", "number": 2}}

    assert check("order", value) is value
    assert check("unknown", {"anything": 1}) == {"anything": 1}


def test_an_enqueue_refuses_what_the_handler_would_discard() -> None:
    with pytest.raises(BadPayload, match=r"\$\.to: missing"):
        checker(Types(order=Order))("order", {"id": 1})


def test_an_instance_of_the_type_is_a_payload_too() -> None:
    check = checker(Types(order=Order, person=Person, image=Image, team=Team))
    when = datetime(2026, 1, 2, tzinfo=UTC)

    assert check("order", Order(1, Address("a", 2), at=when)) == {
        "id": 1,
        "to": {"street": "a", "number": 2, "zip": None},
        "items": [],
        "size": "small",
        "at": "2026-01-02T00:00:00Z",
    }
    assert check("person", Person(name="a", age=1)) == {"name": "a", "age": 1, "born": None}
    assert check("image", Image(source_path="a", width=1)) == {"sourcePath": "a", "width": 1, "password": None}
    assert check("team", Team(Person(name="a", age=1))) == {"lead": {"name": "a", "age": 1, "born": None}, "rest": []}


def test_an_instance_that_holds_no_json_is_refused() -> None:
    with pytest.raises(BadPayload, match="HoldsNoJson cannot be turned into JSON"):
        checker(Types())("x", HoldsNoJson(NoJson()))


def test_a_class_is_passed_on_for_the_payload_rules_to_refuse() -> None:
    assert checker(Types())("x", Order) is Order


def test_pydantic_is_not_imported_for_other_types() -> None:
    program = (
        "import sys, dataclasses\n"
        "from jobq.schema import validate\n"
        "A = dataclasses.make_dataclass('A', [('x', int)])\n"
        "assert validate({'x': 1}, A).x == 1\n"
        "assert 'pydantic' not in sys.modules\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    assert subprocess.run([sys.executable, "-c", program], env=environ, check=False).returncode == 0
