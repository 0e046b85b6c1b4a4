from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq.errors import InvalidValue
from jobq.names import (
    PRIORITIES,
    check_id,
    check_key,
    check_name,
    check_queue,
    matches,
    near,
    parse_priority,
)

WORD = string.ascii_letters + string.digits + "_.-"
words = st.text(WORD, min_size=1, max_size=30)
names = st.lists(words, min_size=1, max_size=5).map(":".join)


def is_a_name(text: str) -> bool:
    return 1 <= len(text) <= 200 and all(part and set(part) <= set(WORD) for part in text.split(":"))


def fits(glob: str, name: str) -> bool:
    """Match letter by letter, sharing nothing with the code under test."""
    if not glob:
        return not name
    if glob[0] == "*":
        return fits(glob[1:], name) or (bool(name) and fits(glob, name[1:]))
    return bool(name) and glob[0] in {"?", name[0]} and fits(glob[1:], name[1:])


@given(names)
def test_a_name_of_words_and_colons_is_returned_as_it_is(name: str) -> None:
    assert check_name(name) == name


@given(st.text(WORD + ":: \n/é\x00", max_size=12) | st.text(max_size=12))
def test_exactly_the_names_of_the_contract_are_accepted(text: str) -> None:
    try:
        accepted = check_name(text) == text
    except InvalidValue:
        accepted = False

    assert accepted == is_a_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "a:",
        ":a",
        "a::b",
        "a b",
        "a/b",
        "email:send\n",
        "émail:send",
        "email:\u0663",
        "a\x00b",
        "a" * 201,
        "\ud800",
    ],
)
def test_a_text_that_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        check_name(text)

    assert "name" in caught.value.message
    assert caught.value.hint


def test_a_name_has_at_most_200_characters_and_a_queue_100() -> None:
    assert check_name("n" * 200)
    assert check_queue("q" * 100)
    with pytest.raises(InvalidValue, match="201 characters"):
        check_name("n" * 201)
    with pytest.raises(InvalidValue, match="101 characters"):
        check_queue("q" * 101)


@pytest.mark.parametrize("value", [None, 1, b"email:send", ["email:send"], True])
def test_what_is_not_text_is_refused_by_its_type(value: object) -> None:
    for check in (check_name, check_queue, check_id, check_key):
        with pytest.raises(InvalidValue, match=f"must be text, not {type(value).__name__}"):
            check(value)


@given(words)
def test_a_queue_is_one_word(queue: str) -> None:
    assert check_queue(queue) == queue
    for spoilt in (f"{queue}:x", f"{queue}\n", f" {queue}", f"{queue}/x", f"{queue}ü"):
        with pytest.raises(InvalidValue):
            check_queue(spoilt)


@pytest.mark.parametrize("text", ["order-4711", "x" * 200, "Ärger 12", "a:b/c?d=e", "日本", "0"])
def test_any_printable_text_can_be_an_id(text: str) -> None:
    assert check_id(text) == text


@pytest.mark.parametrize(
    "text", ["", "x" * 201, "a\nb", "a\x00b", "\x1b[31mred", " a", "a ", " ", "a\u202eb", "\ud800", "a\x7f"]
)
def test_an_id_that_cannot_be_printed_and_read_back_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="id "):
        check_id(text)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=200))
def test_any_text_without_control_characters_can_be_a_key(key: str) -> None:
    assert check_key(key) == key


@given(st.text(max_size=5), st.characters(categories=["Cc", "Cs"]), st.text(max_size=5))
def test_a_key_with_a_control_character_or_half_a_character_is_refused(before: str, bad: str, after: str) -> None:
    with pytest.raises(InvalidValue, match=r"^unique_key .* U\+"):
        check_key(before + bad + after, what="unique_key")


def test_a_refused_key_is_shown_without_its_control_characters() -> None:
    with pytest.raises(InvalidValue) as caught:
        check_key("\x1b[2J" + "x" * 150, what="tag")

    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 150


@given(st.integers(-32768, 32767))
def test_a_priority_is_an_integer_or_its_digits(number: int) -> None:
    assert parse_priority(number) == number
    assert parse_priority(str(number)) == number
    assert parse_priority(f" {number:+d} ") == number


@pytest.mark.parametrize(
    ("word", "number"), [("critical", -20), ("high", -10), ("default", 0), ("normal", 0), ("low", 10), (" High ", -10)]
)
def test_a_priority_may_be_a_word(word: str, number: int) -> None:
    assert parse_priority(word) == number


@pytest.mark.parametrize(
    "value",
    [
        -32769,
        32768,
        "32768",
        pytest.param(10**5000, id="huge"),
        pytest.param(-(10**5000), id="hugely negative"),
        "999999",
    ],
)
def test_a_priority_out_of_range_is_refused(value: object) -> None:
    with pytest.raises(InvalidValue, match="out of range"):
        parse_priority(value)


@pytest.mark.parametrize(
    "value", [None, True, 1.0, "", "1.0", "1_0", "\u0661", pytest.param("9" * 5000, id="long"), [1], "urgent"]
)
def test_what_is_neither_integer_nor_word_is_no_priority(value: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse_priority(value)

    assert all(word in str(caught.value) for word in PRIORITIES)


def test_a_mistyped_priority_is_answered_with_the_word_meant() -> None:
    with pytest.raises(InvalidValue, match="did you mean critical"):
        parse_priority("citical")


@given(st.text("ab*?:[]!", max_size=8), st.text("ab:[]!", max_size=8))
def test_a_glob_knows_two_wildcards_and_nothing_else(glob: str, name: str) -> None:
    assert matches(glob, name) == fits(glob, name)


@pytest.mark.parametrize(
    ("glob", "name"),
    [("email:*", "email:send"), ("*", "a:b:c"), ("email:send", "email:send"), ("email:sen?", "email:send")],
)
def test_a_glob_matches_the_whole_name(glob: str, name: str) -> None:
    assert matches(glob, name)


@pytest.mark.parametrize(
    ("glob", "name"),
    [("email:*", "Email:send"), ("email:*", "email"), ("e", "email"), ("[a-z]", "a"), ("", "a"), ("?", "")],
)
def test_a_glob_that_covers_a_part_or_another_case_does_not_match(glob: str, name: str) -> None:
    assert not matches(glob, name)


def test_a_glob_of_many_stars_takes_no_time() -> None:
    assert not matches("*a" * 30 + "b", "a" * 200)


@given(names, st.sets(names, max_size=10))
def test_near_names_are_known_ones_and_the_word_itself_comes_first(name: str, others: set[str]) -> None:
    found = near(name, {name, *others})

    assert found[0].casefold() == name.casefold()
    assert set(found) <= {name, *others}
    assert len(found) <= 3


@pytest.mark.parametrize(
    ("word", "meant"),
    [("email:sned", "email:send"), ("EMAIL:SEND", "email:send"), ("send", "email:send"), ("email.send", "email:send")],
)
def test_a_slip_of_the_hand_finds_the_name_meant(word: str, meant: str) -> None:
    assert near(word, ["images:resize", "email:send", "report:monthly"]) == [meant]


def test_nothing_is_near_a_word_that_resembles_nothing() -> None:
    assert near("zzz", ["email:send", "images:resize"]) == []
    assert near("", ["email:send"]) == []
    assert near("email:send", []) == []
