from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq_email.address import one_line, parse_address
from jobq_email.errors import Refused


@pytest.mark.parametrize(
    ("text", "name", "mailbox"),
    [
        ("a@example.com", "", "a@example.com"),
        (" a.b+c@mail.example.com ", "", "a.b+c@mail.example.com"),
        ("<a@example.com>", "", "a@example.com"),
        ("Anna Berg <a@example.com>", "Anna Berg", "a@example.com"),
        ('"Berg, Anna" <a@example.com>', "Berg, Anna", "a@example.com"),
        ('"a \\"quoted\\" name" <a@example.com>', 'a "quoted" name', "a@example.com"),
        ("Jürgen <jürgen@münchen.example>", "Jürgen", "jürgen@münchen.example"),
        ("root@localhost", "", "root@localhost"),
    ],
)
def test_an_address_is_read_with_or_without_a_name(text: str, name: str, mailbox: str) -> None:
    address = parse_address(text)

    assert (address.display_name, address.addr_spec) == (name, mailbox)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "@example.com",
        "a@",
        "a@@example.com",
        "a b@example.com",
        "a@example.com, b@example.com",
        "a@example.com b@example.com",
        "Berg, Anna <a@example.com>",
        "Anna <a@example.com",
        "Anna a@example.com>",
        "<a@example.com> <b@example.com>",
        "a@[127.0.0.1]",
        "a@-example.com",
        "a@example..com",
        ".a@example.com",
        '"a"@example.com',
        "a@example.com\nBcc: b@example.com",
        "a@example.com\r\n",
        "Anna\x0bBerg <a@example.com>",
        "Anna\u2028Berg <a@example.com>",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 64}.com",
        f"a@{'b.' * 130}com",
        "a" * 2000,
    ],
)
def test_what_is_not_one_address_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse_address(text)


@given(text=st.text(max_size=200))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = parse_address(text)
    except Refused:
        return

    assert address.addr_spec in text


@pytest.mark.parametrize("sign", ["\n", "\r", "\0", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x7f"])
def test_every_kind_of_line_break_is_refused_in_a_header(sign: str) -> None:
    with pytest.raises(Refused, match="the subject"):
        one_line(f"hello{sign}Bcc: victim@example.com", "subject")


def test_a_header_that_no_line_can_hold_is_refused() -> None:
    with pytest.raises(Refused, match="901 characters"):
        one_line("x" * 901, "subject")
