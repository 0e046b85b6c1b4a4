from __future__ import annotations

from typing import Any

import pytest
from msgspec import ValidationError, convert

from jobq_email.errors import Refused
from jobq_email.payload import MAX_RECIPIENTS, Attachment, BulkEmail, Email, Recipient, TemplateEmail

LEAST = {"to": "a@example.com", "subject": "s", "text": "t"}


def test_a_payload_is_read_from_json() -> None:
    given = {**LEAST, "cc": ["b@example.com"], "attachments": ["a.pdf", {"path": "b.pdf", "filename": "c.pdf"}]}

    email = convert(given, Email)

    assert email.cc == ("b@example.com",)
    assert email.attachments == ("a.pdf", Attachment(path="b.pdf", filename="c.pdf"))


def test_a_list_names_people_with_and_without_variables() -> None:
    given = {"template": "welcome", "recipients": ["a@example.com", {"to": "b@example.com", "variables": {"n": 1}}]}

    bulk = convert(given, BulkEmail)

    assert bulk.recipients == ("a@example.com", Recipient(to="b@example.com", variables={"n": 1}))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"to": "nobody"}, "'nobody' is not a mail address"),
        ({"to": ["a@example.com", "nobody"]}, "'nobody' is not a mail address"),
        ({"to": "a@example.com\nBcc: x@example.com"}, "line break"),
        ({"cc": "nobody"}, "'nobody'"),
        ({"bcc": "nobody"}, "'nobody'"),
        ({"reply_to": "nobody"}, "'nobody'"),
        ({"to": []}, "no recipient"),
        ({"text": None}, "neither `text` nor `html`"),
        ({"subject": "s\r\nBcc: x@example.com"}, "the subject"),
        ({"subjct": "s"}, "subjct"),
        ({"headers": {"X-A": "b\r\nBcc: x@example.com"}}, "the header X-A"),
        ({"headers": {"X-A": "b\nBcc: x@example.com"}}, "the header X-A"),
        ({"headers": {"X-A": "b\u2028Bcc: x@example.com"}}, "the header X-A"),
        ({"headers": {"X-A\r\nBcc": "x@example.com"}}, "not a header name"),
        ({"headers": {"X-A: b\r\nBcc": "x@example.com"}}, "not a header name"),
        ({"headers": {"X A": "b"}}, "not a header name"),
        ({"headers": {"X:A": "b"}}, "not a header name"),
        ({"headers": {"Ä": "b"}}, "not a header name"),
        ({"headers": {"": "b"}}, "not a header name"),
        ({"headers": {"Bcc": "x@example.com"}}, "cannot be given"),
        ({"headers": {"bCC": "x@example.com"}}, "cannot be given"),
        ({"headers": {"From": "boss@example.com"}}, "cannot be given"),
        ({"headers": {"Content-Type": "text/html"}}, "cannot be given"),
        ({"headers": {"Resent-To": "x@example.com"}}, "cannot be given"),
        ({"headers": {"Message-Id": "<2@example.com>"}}, "cannot be given"),
    ],
)
def test_a_message_that_cannot_be_sent_cannot_be_made(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        convert({**LEAST, **changed}, Email)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"to": "nobody"}, "'nobody'"),
        ({"headers": {"Bcc": "x@example.com"}}, "cannot be given"),
        ({"variables": {"a": None}}, "Expected `int | float | str`"),
        ({"variables": {"a": ["b"]}}, "Expected `int | float | str`"),
    ],
)
def test_a_template_mail_is_held_to_the_same_rules(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("|", r"\|")):
        convert({"to": "a@example.com", "template": "welcome", **changed}, TemplateEmail)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"recipients": [], "template": "welcome"}, "this one has 0"),
        ({"recipients": ["a"] * (MAX_RECIPIENTS + 1), "template": "welcome"}, "enqueue one job for every 5000"),
        ({"recipients": ["a"]}, "either `template`, or `subject`"),
        ({"recipients": ["a"], "text": "t"}, "either `template`, or `subject`"),
        ({"recipients": ["a"], "subject": "s"}, "either `template`, or `subject`"),
        ({"recipients": ["a"], "template": "welcome", "text": "t"}, "either `template`, or `subject`"),
        ({"recipients": ["a"], "template": "welcome", "subject": "s"}, "either `template`, or `subject`"),
        ({"recipients": ["a"], "subject": "s\nBcc: x@example.com", "text": "t"}, "line break"),
        ({"recipients": ["a"], "subject": "s", "text": "t", "headers": {"Bcc": "x"}}, "cannot be given"),
        ({"recipients": ["a"], "subject": "s", "text": "t", "reply_to": "nobody"}, "not a mail address"),
    ],
)
def test_a_list_that_nobody_could_get_cannot_be_made(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        convert(given, BulkEmail)


def test_one_bad_address_on_a_list_does_not_stop_it() -> None:
    bulk = convert({"recipients": ["nobody"], "subject": "s", "text": "t"}, BulkEmail)

    assert bulk.recipients == ("nobody",)


def test_a_payload_made_in_python_is_held_to_the_same_rules() -> None:
    with pytest.raises(Refused, match="'nobody' is not a mail address"):
        Email(to="nobody", subject="s", text="t")
