from __future__ import annotations

import json
import math
import time
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq.errors import BadPayload
from jobq.payload import (
    LARGEST,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_TEXT,
    SMALLEST,
    WARN_ABOVE,
    clean_text,
    decode,
    decode_text,
    describe,
    encode,
    encode_result,
    json_path,
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(SMALLEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5), max_leaves=30
)
anything = st.recursive(
    scalars
    | st.text()
    | st.integers()
    | st.floats()
    | st.binary()
    | st.dates()
    | st.just(object())
    | st.frozensets(st.integers()),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner) | st.tuples(inner, inner)
    ),
    max_leaves=20,
)


def nested(depth: int, *, inner: object = 1) -> Any:
    value = inner
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def same(one: Any, other: Any) -> bool:
    """Equal in type as well: 1, 1.0 and True are three values, and 0.0 and -0.0 two."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and (not isinstance(one, float) or math.copysign(1, one) == math.copysign(1, other))


def refusal(call: Callable[[], object]) -> BadPayload:
    with pytest.raises(BadPayload) as caught:
        call()
    assert caught.value.hint
    return caught.value


# Encoding


@given(values)
def test_every_json_value_comes_back_as_it_was(value: Any) -> None:
    text = encode(value)

    assert same(decode(text), value)
    assert same(decode_text(text), value)
    assert same(decode_text(text.encode()), value)
    assert same(json.loads(text), value)


@given(values)
def test_encoding_is_stable(value: Any) -> None:
    assert encode(decode(encode(value))) == encode(value)


def test_the_text_is_compact_unescaped_and_in_the_given_order() -> None:
    assert encode({"z": 1, "a": [1.5, None, True], "ä": "日本"}) == '{"z":1,"a":[1.5,null,true],"ä":"日本"}'


def test_tuples_and_plain_subclasses_are_encoded_as_what_they_stand_for() -> None:
    class Number(IntEnum):
        ONE = 1

    class Word(StrEnum):
        YES = "yes"

    point = namedtuple("point", "x y")  # noqa: PYI024

    assert encode((1, (2,))) == "[1,[2]]"
    assert encode({Word.YES: Number.ONE}) == '{"yes":1}'
    assert encode(OrderedDict(b=1, a=point(1, 2))) == '{"b":1,"a":[1,2]}'


@pytest.mark.parametrize("number", [SMALLEST, LARGEST, 2**63, -(2**53) - 1, 1e308, 5e-324, -0.0, 1e16, 0.1])
def test_numbers_are_carried_exactly(number: float) -> None:
    assert same(decode(encode([number])), [number])


@pytest.mark.parametrize(
    ("value", "path", "problem"),
    [
        ({"a": {"b": [1, math.nan]}}, "$.a.b[1]", "not finite"),
        ([math.inf], "$[0]", "not finite"),
        (-math.inf, "$", "not finite"),
        ({"user": {"name": "a\x00b"}}, "$.user.name", "NUL"),
        ({"user": {"na\x00me": 1}}, "$.user", "the key 'na\\x00me' contains a NUL"),
        (["x", "\ud800"], "$[1]", "lone surrogate"),
        ({"\udfff": 1}, "$", "the key '\\udfff' contains a lone surrogate"),
        ({"a": {1: 2}}, "$.a", "a key is of type int"),
        ({"a": {None: 2}}, "$.a", "a key is of type NoneType"),
        ({"a": {True: 2}}, "$.a", "a key is of type bool"),
        ({"a": {(1, 2): 2}}, "$.a", "a key is of type tuple"),
        ({"n": 2**64}, "$.n", "64 bits"),
        ({"n": -(2**63) - 1}, "$.n", "64 bits"),
        ({"odd key": {"ä": [object()]}}, '$["odd key"].ä[0]', "object is not JSON"),
        ({"x": [1, {"y": {1, 2}}]}, "$.x[1].y", "set is not JSON"),
        (b"bytes", "$", "bytes is not JSON"),
        (({"deep": (math.nan,)},), "$[0].deep[0]", "not finite"),
    ],
)
def test_a_fault_is_refused_with_its_path(value: object, path: str, problem: str) -> None:
    error = refusal(lambda: encode(value))

    assert error.message.startswith(f"payload at {path}: ")
    assert problem in error.message


def test_an_integer_of_thousands_of_digits_is_refused_like_any_other() -> None:
    assert "64 bits" in refusal(lambda: encode({"n": 10**5000})).message
    assert "$.n" in refusal(lambda: decode_text(f'{{"n": {"9" * 5000}}}')).message


@dataclass
class Plain:
    a: int


class Model(pydantic.BaseModel):
    a: int


class Packed(msgspec.Struct):
    a: int


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (datetime.now(UTC), "isoformat"),
        (date(2026, 12, 24), "isoformat"),
        (timedelta(1), "total_seconds"),
        ({1}, "list"),
        (frozenset({1}), "list"),
        ((number for number in [1]), "list"),
        (b"x", "base64"),
        (Decimal(1), "str"),
        (UUID(int=1), "str"),
        (Path("x"), "str"),
        (Colour.RED, ".value"),
        (Plain(1), "dataclasses.asdict"),
        (Model(a=1), "model_dump"),
        (Packed(1), "to_builtins"),
        (object(), "dict, list, str"),
    ],
)
def test_a_type_that_is_not_json_is_refused_with_the_conversion(value: object, hint: str) -> None:
    error = refusal(lambda: encode({"x": value}))

    assert f"payload at $.x: {type(value).__name__} is not JSON" in error.message
    assert hint in (error.hint or "")


def test_nesting_of_64_is_carried_and_of_65_refused() -> None:
    assert same(decode(encode(nested(MAX_DEPTH))), nested(MAX_DEPTH))
    assert same(decode_text(encode(nested(MAX_DEPTH))), nested(MAX_DEPTH))
    assert "deeper than 64" in refusal(lambda: encode(nested(MAX_DEPTH + 1))).message
    assert "deeper than 64" in refusal(lambda: encode(nested(MAX_DEPTH + 1, inner=[]))).message
    assert "deeper than 64" in refusal(lambda: encode(nested(5000))).message
    assert "deeper than 64" in refusal(lambda: decode_text("[" * 65 + "]" * 65)).message
    assert "deeper than 64" in refusal(lambda: decode_text("[" * 100_000)).message


def test_a_cycle_is_refused_for_its_depth() -> None:
    knot: dict[str, Any] = {}
    knot["again"] = [knot, knot]

    assert "deeper than 64" in refusal(lambda: encode(knot)).message


def test_the_limit_counts_bytes_and_the_error_names_both_sizes() -> None:
    assert len(encode("x" * (MAX_BYTES - 2))) == MAX_BYTES
    assert encode("ä" * 4, limit=10) == '"ääää"'

    assert (
        "1,048,577 bytes as JSON, over the limit of 1,048,576" in refusal(lambda: encode("x" * (MAX_BYTES - 1))).message
    )
    assert "12 bytes as JSON, over the limit of 11" in refusal(lambda: encode("ä" * 5, limit=11)).message
    assert len(encode("x" * MAX_BYTES, limit=None)) > MAX_BYTES
    assert WARN_ABOVE == 65_536


def test_an_error_names_what_was_encoded() -> None:
    assert refusal(lambda: encode(math.nan, what="metadata")).message.startswith("metadata at $")


def test_an_error_shows_no_value() -> None:
    error = refusal(lambda: encode({"password": "hunter2\x00", "n": 2**64}))

    assert "hunter2" not in str(error)
    assert "18446744073709551616" not in str(error)


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert decode(encode({"a": "\\u0000"})) == {"a": "\\u0000"}


def test_other_control_characters_and_unicode_are_carried() -> None:
    text = "\x01\x1b\x7f\u2028\ufeff\U0001f600\u202e"

    assert decode(encode(text)) == text


@given(anything)
def test_anything_is_carried_faithfully_or_refused_with_a_path(value: Any) -> None:
    try:
        text = encode(value)
    except BadPayload as error:
        assert error.message.startswith("payload at $")  # noqa: PT017 - either answer is right
    else:
        assert encode(decode(text)) == text


# Reading what others wrote


def test_a_byte_order_mark_is_dropped() -> None:
    assert decode_text("\ufeff[1]") == [1]
    assert decode_text(b"\xef\xbb\xbf[1]") == [1]


def test_bytes_that_are_not_utf8_are_refused_with_their_place() -> None:
    assert "not UTF-8 at byte 2" in refusal(lambda: decode_text(b'["\xff"]')).message
    assert "not UTF-8 at byte 5" in refusal(lambda: decode_text(b'\xef\xbb\xbf["\xff"]')).message
    assert "not UTF-8 at byte 0" in refusal(lambda: decode_text("[1]".encode("utf-16"))).message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": 1,\n "b": }', "line 2, column 7"),
        ("{'a': 1}", "line 1, column 2"),
        ("[1] [2]", "line 1, column 5"),
        ("[1,]", "line 1, column"),
        ("nope", "line 1, column 1"),
        ('"\x01"', "line 1, column 2"),
    ],
)
def test_a_syntax_error_names_line_and_column(text: str, place: str) -> None:
    assert f"payload is not JSON at {place}" in refusal(lambda: decode_text(text)).message


@pytest.mark.parametrize("text", ["", "  \n", b"", "\ufeff"])
def test_an_empty_text_is_called_empty(text: str | bytes) -> None:
    assert "is empty" in refusal(lambda: decode_text(text)).message


@pytest.mark.parametrize(
    ("text", "path", "problem"),
    [
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "$.a", "'b' appears twice"),
        ('{"a": 1, "\\u0061": 2}', "$", "'a' appears twice"),
        ('[{"x": [{"k": 1, "k": 1}]}]', "$[0].x[0]", "'k' appears twice"),
        ('{"a": NaN}', "$.a", "not finite"),
        ('{"a": [-Infinity]}', "$.a[0]", "not finite"),
        ('{"a": 1e999}', "$.a", "not finite"),
        ('{"a": 18446744073709551616}', "$.a", "64 bits"),
        ('{"a": "\\u0000"}', "$.a", "NUL"),
        ('{"a": "\\ud800"}', "$.a", "lone surrogate"),
        ('{"a": "\udc80"}', "$.a", "lone surrogate"),
    ],
)
def test_what_cannot_be_stored_is_refused_when_read(text: str, path: str, problem: str) -> None:
    error = refusal(lambda: decode_text(text))

    assert error.message.startswith(f"payload at {path}: ")
    assert problem in error.message


def test_a_repeated_key_among_very_many_is_found_at_once() -> None:
    text = "{" + ",".join(f'"{number}":0' for number in range(100_000)) + ',"7":0}'

    assert "'7' appears twice" in refusal(lambda: decode_text(text, limit=None)).message


def test_the_limit_counts_the_compact_form() -> None:
    text = "[" + " " * 100 + "1]"

    assert decode_text(text, limit=3) == [1]
    assert "4 bytes as JSON" in refusal(lambda: decode_text("[12]", limit=3)).message


@given(st.text() | st.text('[]{}",:0123456789.eE+-\\untrlfas ', max_size=40) | st.binary())
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    try:
        value = decode_text(text)
    except BadPayload as error:
        assert error.hint  # noqa: PT017 - either answer is right
    else:
        assert same(decode(encode(value)), value)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "NaN", '"\ud800"'])
def test_stored_text_that_is_not_json_is_an_error_of_ours(text: str) -> None:
    refusal(lambda: decode(text))


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        ((), "$"),
        (("a", 0, "b_1"), "$.a[0].b_1"),
        (("größe", "0", "a.b", ""), '$.größe["0"]["a.b"][""]'),
        (("\n\ud800",), '$["\\n\\ud800"]'),
    ],
)
def test_a_path_can_be_read_and_printed(steps: tuple[str | int, ...], path: str) -> None:
    assert json_path(steps) == path


def test_a_long_path_is_cut() -> None:
    assert len(json_path(["x" * 1000])) == 200


# Results


class Hostile:
    """Everything that a result may do wrong."""

    def __repr__(self) -> str:
        raise RuntimeError


class Uncountable(dict[str, int]):
    def items(self) -> NoReturn:
        raise OSError


def cyclic() -> list[Any]:
    knot: list[Any] = []
    knot.append(knot)
    return knot


@given(values)
def test_a_json_result_is_kept_without_a_warning(value: Any) -> None:
    assert encode_result(value) == (encode(value), None)


@pytest.mark.parametrize(
    "result",
    [
        {1, 2},
        object(),
        Hostile(),
        {"inner": [Hostile()]},
        Uncountable(a=1),
        cyclic(),
        nested(3000),
        (number for number in [1]),
        "\x00",
        "\ud800",
        math.nan,
        pytest.param(10**5000, id="huge"),
        pytest.param("x" * (MAX_BYTES + 1), id="large text"),
        pytest.param(["x"] * MAX_BYTES, id="large list"),
        {1: "key"},
        ValueError,
        print,
    ],
)
def test_a_result_that_cannot_be_stored_becomes_a_note_and_a_warning(result: object) -> None:
    text, warning = encode_result(result)

    note = decode_text(text)
    assert list(note) == ["unserialisable"]
    assert 0 < len(note["unserialisable"].encode()) <= 1024
    assert "result" in (warning or "")


@given(anything)
def test_no_result_raises(value: Any) -> None:
    text, warning = encode_result(value)

    assert decode_text(text) is not None or value is None
    assert warning is None or text.startswith('{"unserialisable":')


def test_the_note_of_a_result_shows_no_password() -> None:
    text, _ = encode_result({"dsn": {"postgresql://me:hunter2@db/app"}})

    assert "hunter2" not in text


# Error texts


@given(st.text() | st.text(st.characters(categories=["Cc", "Cs"])), st.integers(64, 500))
def test_clean_text_can_be_stored_and_is_not_too_long(text: str, limit: int) -> None:
    cleaned = clean_text(text, limit)

    assert len(cleaned.encode()) <= limit
    assert encode(cleaned)
    assert not any(ord(character) < 32 and character not in "\n\t" for character in cleaned)
    assert clean_text(cleaned, limit) == cleaned


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=100))
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert clean_text(f"{text}\n\t{text}") == f"{text}\n\t{text}"


def test_what_cannot_be_seen_is_made_visible() -> None:
    assert clean_text("a\x00b\x1b[31m\r\x7f\x9b\ud800") == r"a\x00b\x1b[31m\x0d\x7f\x9b" + "\ufffd"


@pytest.mark.parametrize("text", ["x" * 100_000, "ä" * 100_000, "\x00" * 100_000, "x" * (MAX_TEXT + 1), "€" * MAX_TEXT])
def test_long_text_is_cut_with_a_mark_that_says_how_much_there_was(text: str) -> None:
    cleaned = clean_text(text)

    assert MAX_TEXT - 4 <= len(cleaned.encode()) <= MAX_TEXT
    assert cleaned.endswith(f"… [cut from {len(text):,} characters]")


def raised(error: BaseException, depth: int = 0) -> BaseException:
    """Return the error as it is caught, below that many frames."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - any exception may be described
        throw(error, depth)
    return caught.value


def throw(error: BaseException, depth: int) -> None:
    local_variable = "a secret in a local variable"
    if depth and local_variable:
        throw(error, depth - 1)
    raise error


def test_an_error_is_described_by_class_text_and_traceback() -> None:
    info = describe(raised(ValueError("no such user")))

    assert (info.type, info.message) == ("ValueError", "no such user")
    assert info.traceback is not None
    assert info.traceback.startswith("Traceback (most recent call last):\n")
    assert info.traceback.endswith("ValueError: no such user\n")


def test_an_error_that_was_never_raised_has_no_traceback() -> None:
    assert describe(KeyError("x")).traceback is None
    assert describe(KeyError("x")).message == "'x'"


def test_a_cause_is_told_first() -> None:
    error = ValueError("outer")
    error.__cause__ = raised(KeyError("inner"))

    traceback = describe(raised(error)).traceback or ""

    assert 0 < traceback.index("KeyError: 'inner'") < traceback.index("ValueError: outer")


def test_a_traceback_shows_no_locals() -> None:
    assert "a secret in" not in (describe(raised(ValueError(), 3)).traceback or "").replace(
        'local_variable = "a secret in', ""
    )


class BadText(Exception):
    def __str__(self) -> str:
        raise OSError("secret")


class NoText(Exception):
    def __str__(self) -> str:
        return None  # type: ignore[return-value]  # noqa: PLE0307 - that is what is tried


class LongText(Exception):
    def __str__(self) -> str:
        return "megabytes " * 1_000_000


class Strange(Exception):
    __cause__ = 5  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise OSError

    __hash__ = None  # type: ignore[assignment]

    def __getattribute__(self, name: str) -> Any:
        if name in {"__class__", "__traceback__"}:
            return super().__getattribute__(name)
        raise OSError(name)


@pytest.mark.parametrize(
    "error",
    [
        BadText(),
        NoText(),
        LongText(),
        Strange(),
        ValueError("\x00\ud800\x1b[2J"),
        ValueError(cyclic()),
        UnicodeDecodeError("utf-8", b"\xff" * 100_000, 0, 1, "x" * 100_000),
        SyntaxError("bad", ("file", 1, 1, "\x00" * 100_000)),
        SystemExit(3),
        KeyboardInterrupt(),
        RecursionError(),
        ExceptionGroup("many", [ValueError(str(number)) for number in range(1000)]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_exception_can_be_described_and_stored(error: BaseException) -> None:
    info = describe(raised(error))

    assert info.type == type(error).__name__
    assert info.traceback
    for text in (info.type, info.message, info.traceback):
        assert encode(text)
        assert len(text.encode()) <= MAX_TEXT


def test_an_error_whose_text_fails_says_so() -> None:
    assert describe(BadText()).message == "<no text: OSError>"
    assert describe(NoText()).message == "<no text: TypeError>"


def test_of_a_deep_traceback_the_innermost_frames_are_kept() -> None:
    def innermost() -> NoReturn:
        raise ValueError("x" * 100_000)

    def dive(depth: int) -> None:
        if depth:
            climb(depth - 1)
        innermost()

    def climb(depth: int) -> None:
        dive(depth)

    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is too long to match
        dive(300)

    traceback = describe(caught.value).traceback or ""
    assert "in innermost" in traceback
    assert traceback.count("in climb") > 5
    assert len(traceback.encode()) <= MAX_TEXT


def test_a_long_chain_of_causes_keeps_the_last() -> None:
    error: BaseException = ValueError("first")
    for number in range(300):
        later = ValueError(f"number {number} {'x' * 500}")
        later.__cause__ = raised(error)
        error = later

    traceback = describe(raised(error)).traceback or ""

    assert traceback.startswith("… [cut: outer frames]\n")
    assert "number 299" in traceback
    assert len(traceback.encode()) <= MAX_TEXT


def test_secrets_in_an_error_are_masked() -> None:
    text = "cannot connect to postgresql://me:hunter2@db/app with token=hunter2 and {'api_key': 'hunter2'}"

    info = describe(raised(ValueError(text)))

    assert "hunter2" not in f"{info.message}{(info.traceback or '').replace(repr(text), '')}"
    assert info.message.startswith("cannot connect to postgresql://me:***@db/app with token=*** and")


# Secrets


def test_a_small_payload_is_encoded_in_microseconds() -> None:
    value = {"to": "someone@example.com", "template": "welcome", "tags": ["a", "b"], "seats": 12, "urgent": False}

    def measured() -> float:
        start = time.thread_time()
        for _ in range(1000):
            encode(value)
        return (time.thread_time() - start) / 1000

    assert min(measured() for _ in range(5)) < 50e-6
