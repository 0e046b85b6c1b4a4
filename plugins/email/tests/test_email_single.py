from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jobq_email.errors import Refused
from jobq_email.payload import Email, TemplateEmail
from jobq_email.settings import Settings
from jobq_email.single import rendered, send_email
from jobq_email.smtp import Delivery, Reply
from jobq_email.testing import MailServer

DATE = "Tue, 01 Dec 2026 09:00:00 +0000"
NOTHING = Delivery()


def send(email: Email, settings: Settings, past: Delivery = NOTHING) -> Delivery:
    return send_email(email, settings, job_id="42", date=DATE, past=past)


def test_a_message_with_an_attachment_arrives(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "report.csv").write_bytes(b"a,b\r\n1,2\r\n")
    email = Email(to="a@example.com", subject="Report", text="See.", attachments=("report.csv",))

    with MailServer() as server:
        send(email, replace(settings, port=server.port, attachment_root=tmp_path))

    (part,) = server.received[0].message.iter_attachments()
    assert (part.get_filename(), part.get_payload(decode=True)) == ("report.csv", b"a,b\r\n1,2\r\n")
    assert server.received[0].message["Message-ID"] == "<42@example.com>"


def test_what_can_never_be_sent_opens_no_connection(settings: Settings) -> None:
    email = Email(to="a@example.com", subject="s", text="t", attachments=("gone.pdf",))

    with MailServer() as server, pytest.raises(Refused):
        send(email, replace(settings, port=server.port))

    assert server.connections == 0


def test_a_second_attempt_sends_only_to_those_who_were_put_off(settings: Settings) -> None:
    busy = {"b@example.com"}
    email = Email(to=("a@example.com", "b@example.com", "gone@example.com"), subject="s", text="t")
    replies = {"b@example.com": "450 greylisted", "gone@example.com": "550 no such user"}

    with MailServer(lambda _, who: replies.get(who) if who in busy or who.startswith("gone") else None) as server:
        first = send(email, replace(settings, port=server.port))
        busy.clear()
        second = send(email, replace(settings, port=server.port), past=first)

    assert first.put_off == (Reply("b@example.com", 450, "greylisted"),)
    assert second == Delivery(
        accepted=("a@example.com", "b@example.com"), refused=(Reply("gone@example.com", 550, "no such user"),)
    )
    assert [letter.recipients for letter in server.received] == [("a@example.com",), ("b@example.com",)]
    assert len({letter.message["Message-ID"] for letter in server.received}) == 1


def test_nothing_is_sent_when_everybody_is_settled(settings: Settings) -> None:
    past = Delivery(accepted=("a@example.com",))

    with MailServer() as server:
        delivery = send(Email(to="a@example.com", subject="s", text="t"), replace(settings, port=server.port), past)

    assert delivery == past
    assert server.connections == 0


def test_a_template_becomes_a_message(settings: Settings) -> None:
    variables = {"name": "Anna <3", "product": "Shop", "login_url": "https://example.com/in"}
    mail = TemplateEmail(to="a@example.com", template="welcome", variables=variables, bcc="b@example.com")

    with MailServer() as server:
        send(rendered(mail, settings), replace(settings, port=server.port))

    message = server.received[0].message
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert message["Subject"] == "Welcome to Shop, Anna <3"
    assert plain is not None
    assert "Hello Anna <3," in plain.get_content()
    assert html is not None
    assert "Hello Anna &lt;3," in html.get_content()
    assert server.received[0].recipients == ("a@example.com", "b@example.com")


def test_a_header_that_was_given_wins_over_the_template(settings: Settings) -> None:
    variables = {"title": "t", "body": "b", "product": "Shop", "unsubscribe_url": "https://example.com/out"}
    headers = {"List-Unsubscribe": "<mailto:out@example.com>"}
    mail = TemplateEmail(to="a@example.com", template="newsletter", variables=variables, headers=headers)

    assert rendered(mail, settings).headers == headers
