from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from smtplib import SMTPException, SMTPNotSupportedError, SMTPServerDisconnected

import pytest
import trustme

from jobq_email.errors import PutOff, Refused
from jobq_email.message import Letter, compose
from jobq_email.payload import Email
from jobq_email.settings import Settings, Tls
from jobq_email.smtp import Delivery, Reply, connected, deliver
from jobq_email.testing import DROP, SILENCE, Answer, MailServer, Verb

DATE = "Tue, 01 Dec 2026 09:00:00 +0000"
LOGIN = ("shop", "s3cret")


def letter(settings: Settings, *to: str) -> Letter:
    email = Email(to=to or "a@example.com", subject="Hello", text="Hello there")
    return compose(email, (), sender=settings.sender, message_id="<1@example.com>", date=DATE)


def hand_over(settings: Settings, *to: str) -> Delivery:
    with connected(settings) as connection:
        return deliver(connection, letter(settings, *to), settings.sender)


def answering(verb: Verb, reply: str, only: str = "") -> Answer:
    """Answer one verb with one reply, for every argument or only for one."""
    return lambda asked, argument: reply if asked == verb and only in ("", argument) else None


def secured(tls: Tls, context: ssl.SSLContext) -> MailServer:
    return MailServer(tls=context) if tls == "tls" else MailServer(starttls=context)


def test_a_letter_is_handed_over(settings: Settings) -> None:
    with MailServer() as server:
        delivery = hand_over(replace(settings, port=server.port), "a@example.com", "b@example.com")

    assert delivery == Delivery(accepted=("a@example.com", "b@example.com"))
    assert (server.received[0].sender, server.received[0].recipients) == ("shop@example.com", delivery.accepted)
    assert server.received[0].message["Subject"] == "Hello"


def test_starttls_encrypts_and_signs_in(settings: Settings, certificate: ssl.SSLContext, ca_file: Path) -> None:
    secure = replace(settings, tls="starttls", ca_file=ca_file, user=LOGIN[0], password=LOGIN[1])
    with MailServer(starttls=certificate, login=LOGIN) as server:
        delivery = hand_over(replace(secure, port=server.port))

    assert delivery.accepted == ("a@example.com",)


def test_implicit_tls_encrypts_and_signs_in(settings: Settings, certificate: ssl.SSLContext, ca_file: Path) -> None:
    secure = replace(settings, tls="tls", ca_file=ca_file, user=LOGIN[0], password=LOGIN[1])
    with MailServer(tls=certificate, login=LOGIN) as server:
        delivery = hand_over(replace(secure, port=server.port))

    assert delivery.accepted == ("a@example.com",)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_certificate_of_an_unknown_authority_is_not_trusted(
    tls: Tls, settings: Settings, certificate: ssl.SSLContext
) -> None:
    with secured(tls, certificate) as server, pytest.raises(ssl.SSLCertVerificationError):
        hand_over(replace(settings, tls=tls, port=server.port))


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_certificate_for_another_host_is_not_trusted(
    tls: Tls, settings: Settings, authority: trustme.CA, ca_file: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("mail.example.com").configure_cert(context)

    with secured(tls, context) as server, pytest.raises(ssl.SSLCertVerificationError, match="localhost"):
        hand_over(replace(settings, tls=tls, port=server.port, ca_file=ca_file))


def test_a_server_without_starttls_gets_nothing_in_clear(settings: Settings) -> None:
    with MailServer() as server, pytest.raises(SMTPNotSupportedError):
        hand_over(replace(settings, tls="starttls", port=server.port))

    assert server.received == []


def test_a_wrong_password_is_refused_and_not_repeated(
    settings: Settings, certificate: ssl.SSLContext, ca_file: Path
) -> None:
    secure = replace(settings, tls="starttls", ca_file=ca_file, user="shop", password="wr0ng")
    with MailServer(starttls=certificate, login=LOGIN) as server, pytest.raises(Refused, match="535") as caught:
        hand_over(replace(secure, port=server.port))

    assert "wr0ng" not in str(caught.value)


def test_a_sign_in_that_is_missing_is_refused(settings: Settings) -> None:
    with MailServer(login=LOGIN) as server, pytest.raises(Refused, match=r"shop@example\.com was answered 530"):
        hand_over(replace(settings, port=server.port))


def test_each_recipient_has_an_answer_of_its_own(settings: Settings) -> None:
    replies = {"gone@example.com": "550 no such user", "full@example.com": "452 mailbox is full"}
    with MailServer(lambda verb, address: replies.get(address) if verb == "RCPT" else None) as server:
        delivery = hand_over(replace(settings, port=server.port), "a@example.com", *replies)

    assert delivery == Delivery(
        accepted=("a@example.com",),
        refused=(Reply("gone@example.com", 550, "no such user"),),
        put_off=(Reply("full@example.com", 452, "mailbox is full"),),
    )
    assert server.received[0].recipients == ("a@example.com",)


def test_a_letter_that_nobody_may_get_is_not_sent(settings: Settings) -> None:
    with MailServer(answering("RCPT", "550 no such user")) as server:
        delivery = hand_over(replace(settings, port=server.port))

    assert delivery.refused == (Reply("a@example.com", 550, "no such user"),)
    assert server.received == []


@pytest.mark.parametrize(("reply", "is_final"), [("554 5.7.1 looks like spam", True), ("451 try later", False)])
def test_what_is_said_to_the_message_holds_for_everybody(reply: str, is_final: bool, settings: Settings) -> None:  # noqa: FBT001
    with MailServer(answering("DATA", reply)) as server:
        delivery = hand_over(replace(settings, port=server.port), "a@example.com", "b@example.com")

    answers = delivery.refused if is_final else delivery.put_off
    assert [(each.address, f"{each.code} {each.reason}") for each in answers] == [
        ("a@example.com", reply),
        ("b@example.com", reply),
    ]
    assert delivery.accepted == ()


def test_a_sender_that_is_never_welcome_is_refused(settings: Settings) -> None:
    with MailServer(answering("MAIL", "553 not from you")) as server, pytest.raises(Refused, match="553 not from you"):
        hand_over(replace(settings, port=server.port))


def test_a_sender_that_is_put_off_puts_off_everybody(settings: Settings) -> None:
    with MailServer(answering("MAIL", "450 too fast")) as server:
        delivery = hand_over(replace(settings, port=server.port))

    assert delivery.put_off == (Reply("a@example.com", 450, "too fast"),)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("reply", ["421 closing", DROP, SILENCE])
def test_a_connection_that_ends_leaves_nothing_known(verb: Verb, reply: str, settings: Settings) -> None:
    with MailServer(answering(verb, reply)) as server, pytest.raises(SMTPServerDisconnected):
        hand_over(replace(settings, port=server.port, timeout=0.2))


def test_nobody_listening_is_an_error_that_may_pass(settings: Settings) -> None:
    with MailServer() as server:
        port = server.port

    with pytest.raises(ConnectionRefusedError):
        hand_over(replace(settings, port=port))


@pytest.mark.parametrize(("greeting", "kind"), [(b"554 go away\r\n", Refused), (b"451 busy\r\n", PutOff)])
def test_a_greeting_may_be_a_verdict(
    greeting: bytes, kind: type[Exception], settings: Settings, greeter: Callable[[bytes], int]
) -> None:
    with pytest.raises(kind, match=r"go away|busy"):
        hand_over(replace(settings, port=greeter(greeting)))


def test_something_that_is_no_mail_server_is_an_error_that_may_pass(
    settings: Settings, greeter: Callable[[bytes], int]
) -> None:
    with pytest.raises((SMTPException, PutOff)):
        hand_over(replace(settings, port=greeter(b"HTTP/1.1 400 Bad Request\r\n\r\n")))


@pytest.mark.parametrize("reply", ["500 what?", DROP, SILENCE])
def test_a_bad_good_bye_does_not_undo_what_was_accepted(reply: str, settings: Settings) -> None:
    with MailServer(answering("QUIT", reply)) as server:
        delivery = hand_over(replace(settings, port=server.port, timeout=0.2))

    assert delivery.accepted == ("a@example.com",)


def test_an_address_that_the_server_cannot_spell_is_refused(settings: Settings) -> None:
    with MailServer() as server:
        delivery = hand_over(replace(settings, port=server.port), "jürgen@example.com")

    assert delivery.refused[0].code is None
    assert "SMTPUTF8" in str(delivery.refused[0])


def test_a_long_reply_is_cut(settings: Settings) -> None:
    with MailServer(answering("RCPT", f"550 {'x' * 400}")) as server:
        delivery = hand_over(replace(settings, port=server.port))

    assert len(delivery.refused[0].reason) == 100
