from __future__ import annotations

from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq_email.header import HeaderLine, address_line, text_line

ATOMS = st.text("abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~", min_size=1, max_size=20)
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?", fullmatch=True)
PRINTABLE = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
NAMES = st.text(st.sampled_from("ab ,;:@<>()\"'\\.=?üß\xa0𐀀") | PRINTABLE, max_size=90).map(str.strip)
ADDRESSES = st.builds(Address, NAMES, ATOMS, st.tuples(LABELS, LABELS).map(".".join))
TEXTS = st.text(st.sampled_from("ab =?_-<>üß\xa0") | PRINTABLE, max_size=300)


def read_back(line: HeaderLine) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message[line.name] = line
    return message_from_bytes(message.as_bytes(), policy=default)


@given(addresses=st.lists(ADDRESSES, min_size=1, max_size=4))
def test_no_name_changes_who_an_address_header_names(addresses: list[Address]) -> None:
    read = read_back(address_line("To", addresses))

    assert [each.addr_spec for each in read["To"].addresses] == [each.addr_spec for each in addresses]
    assert read["To"].defects == ()
    assert read.keys() == ["To"]


@given(name=st.text(st.sampled_from("ab ,;:@<>()\"'\\.="), max_size=90).map(str.strip))
def test_an_ascii_name_is_read_as_it_was_written(name: str) -> None:
    read = read_back(address_line("To", [Address(name, "a", "example.com")]))

    assert read["To"].addresses[0].display_name == name


@pytest.mark.parametrize("name", ["Jürgen Müller", "Ünï, (x) <b@evil.example>", "日本語の名前", "=?utf-8?q?a?="])
def test_a_name_beyond_ascii_is_read_as_it_was_written(name: str) -> None:
    read = read_back(address_line("To", [Address(name, "a", "example.com")]))

    assert read["To"].addresses[0].display_name == name


@given(text=TEXTS)
def test_a_text_header_is_one_header_of_short_ascii_lines(text: str) -> None:
    line = text_line("Subject", text)

    folded = line.fold(policy=SMTP)

    assert folded.isascii()
    assert folded.endswith("\r\n")
    assert read_back(line).keys() == ["Subject"]
    assert all(len(row) <= 78 or " " not in row.strip() or row.startswith("Subject: ") for row in folded.split("\r\n"))


@given(text=st.text(st.sampled_from("abc üß=?_"), max_size=300).map(str.strip))
def test_a_text_header_is_read_as_it_was_written(text: str) -> None:
    read = read_back(text_line("Subject", text))

    assert read["Subject"] == text


def test_a_long_link_stays_in_one_piece() -> None:
    link = f"<https://example.com/unsubscribe?token={'x' * 300}>"

    folded = text_line("List-Unsubscribe", link).fold(policy=SMTP)

    assert folded == f"List-Unsubscribe: {link}\r\n"


def test_a_header_value_is_still_text() -> None:
    message = EmailMessage(policy=SMTP)
    message["Subject"] = text_line("Subject", "Grüße")

    assert message["Subject"] == "Grüße"
