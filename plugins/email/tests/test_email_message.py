from __future__ import annotations

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from hypothesis import given
from hypothesis import strategies as st

from jobq_email.address import parse_address
from jobq_email.attachment import File
from jobq_email.message import Letter, compose, message_id
from jobq_email.payload import Email

SENDER = parse_address("Shop <shop@example.com>")
DATE = "Tue, 01 Dec 2026 09:00:00 +0000"


def letter(email: Email, *files: File) -> Letter:
    return compose(email, files, sender=SENDER, message_id="<1@example.com>", date=DATE)


def read_back(email: Email, *files: File) -> EmailMessage:
    return message_from_bytes(letter(email, *files).message.as_bytes(), policy=default)


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).rstrip()


def test_a_message_carries_what_was_asked_for() -> None:
    email = Email(
        to="a@example.com",
        cc=("Berg <b@example.com>",),
        reply_to="help@example.com",
        subject="Grüße",
        text="Hällo",
        headers={"X-Campaign": "spring"},
    )

    message = read_back(email)

    assert [str(message[name]) for name in ("From", "To", "Cc", "Reply-To", "Subject", "X-Campaign")] == [
        "Shop <shop@example.com>",
        "a@example.com",
        "Berg <b@example.com>",
        "help@example.com",
        "Grüße",
        "spring",
    ]
    assert (message["Date"], message["Message-ID"]) == (DATE, "<1@example.com>")
    assert body(message, "plain") == "Hällo"


def test_a_message_with_text_and_html_offers_both() -> None:
    message = read_back(Email(to="a@example.com", subject="s", text="plain", html="<p>rich</p>"))

    assert message.get_content_type() == "multipart/alternative"
    assert (body(message, "plain"), body(message, "html")) == ("plain", "<p>rich</p>")


def test_a_message_may_be_html_alone() -> None:
    message = read_back(Email(to="a@example.com", subject="s", html="<p>rich</p>"))

    assert message.get_content_type() == "text/html"


def test_attachments_arrive_byte_by_byte() -> None:
    files = (
        File(filename="Rechnung für März.pdf", content_type="application/pdf", content=bytes(range(256)) * 10),
        File(filename="a.txt", content_type="text/plain", content=b"a\nb\r\nc"),
    )

    message = read_back(Email(to="a@example.com", subject="s", text="see"), *files)

    found = list(message.iter_attachments())
    assert [part.get_filename() for part in found] == [file.filename for file in files]
    assert [part.get_content_type() for part in found] == [file.content_type for file in files]
    assert [part.get_payload(decode=True) for part in found] == [file.content for file in files]


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_any_text_travels_over_seven_bits(text: str) -> None:
    raw = letter(Email(to="a@example.com", subject="s", text=text)).message.as_bytes()

    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_blind_copies_are_in_the_envelope_and_in_no_header() -> None:
    written = letter(Email(to="a@example.com", cc="b@example.com", bcc=("c@example.com",), subject="s", text="t"))

    assert written.recipients == ("a@example.com", "b@example.com", "c@example.com")
    assert b"c@example.com" not in written.message.as_bytes()


def test_everybody_is_written_to_once() -> None:
    written = letter(Email(to=("A <a@example.com>", "a@example.com"), cc="a@example.com", subject="s", text="t"))

    assert written.recipients == ("a@example.com",)


def test_the_message_id_is_the_same_at_every_attempt() -> None:
    job = "01938f2e-7c1a-7def-8123-456789abcdef"

    assert message_id(job, SENDER) == message_id(job, SENDER) == f"<{job}@example.com>"


def test_every_place_of_a_list_has_a_message_id_of_its_own() -> None:
    identities = {message_id("1", SENDER, place) for place in range(100)} | {message_id("1", SENDER)}

    assert len(identities) == 101


@given(job=st.text(min_size=1, max_size=200), other=st.text(min_size=1, max_size=200))
def test_any_job_id_makes_a_message_id_of_its_own(job: str, other: str) -> None:
    made = message_id(job, SENDER)

    assert re.fullmatch(r"<[A-Za-z0-9_-]{1,40}@example\.com>", made)
    assert (made == message_id(other, SENDER)) == (job == other)
