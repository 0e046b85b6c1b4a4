"""Talking to the mail server: one connection, and what it says about each recipient.

Decided here: the certificate is verified always, with the system's authorities or with one's own; there is no
switch to turn it off, and no falling back to plain text when a server does not offer STARTTLS.

What the server says is a value (`Delivery`), because one message may be accepted for one recipient, refused for
another and put off for a third. Only what concerns the whole connection is an exception.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.headerregistry import Address
from smtplib import (
    SMTP,
    SMTP_SSL,
    SMTPDataError,
    SMTPException,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from typing import assert_never

from msgspec import Struct

from jobq_email.errors import PutOff, Refused
from jobq_email.message import Letter
from jobq_email.settings import Settings

# Characters of a server's words that are kept: thousands of them have to fit into one job's result.
MAX_REASON = 100

_CLOSING = 421
_PERMANENT = 500

Faults = Mapping[str, tuple[int, bytes | str]]


class Reply(Struct, frozen=True):
    """What the server said about one recipient. `code` is None when the message never got that far."""

    address: str
    code: int | None
    reason: str

    @property
    def is_final(self) -> bool:
        """True when asking again would be answered the same."""
        return self.code is None or self.code >= _PERMANENT

    def __str__(self) -> str:
        return f"{self.address}: {self.reason}" if self.code is None else f"{self.address}: {self.code} {self.reason}"


class Delivery(Struct, frozen=True, kw_only=True):
    """What became of a letter: who gets it, who never will, and who may get it later."""

    accepted: tuple[str, ...] = ()
    refused: tuple[Reply, ...] = ()
    put_off: tuple[Reply, ...] = ()


@contextmanager
def connected(settings: Settings) -> Iterator[SMTP]:
    """A connection that is encrypted and signed in as the settings say.

    Raises `Refused` when the server says 5xx to the greeting or the sign-in, `PutOff` when it says 4xx, and what
    `smtplib`, `ssl` and sockets raise when there is no connection. Signing off never raises: the server has
    answered for every message by then, and an error would send them all again.
    """
    try:
        connection = _dial(settings)
    except SMTPResponseException as error:
        raise _verdict(error, f"the server {settings.host}") from error
    try:
        _introduce(connection, settings)
        yield connection
    finally:
        with suppress(SMTPException, OSError):
            connection.quit()
        connection.close()


def deliver(connection: SMTP, letter: Letter, sender: Address) -> Delivery:
    """Hand one letter over, and say what became of it for each recipient.

    Raises `Refused` when the server will never take mail from this sender, and `SMTPServerDisconnected` when the
    connection ended, so that nobody knows.
    """
    faults: Faults
    try:
        faults = connection.send_message(letter.message, sender.addr_spec, list(letter.recipients))
    except SMTPRecipientsRefused as error:
        faults = error.recipients
    except SMTPSenderRefused as error:
        if error.smtp_code >= _PERMANENT:
            raise _verdict(error, f"the sender {sender.addr_spec}") from error
        faults = dict.fromkeys(letter.recipients, (error.smtp_code, error.smtp_error))
    except SMTPDataError as error:
        faults = dict.fromkeys(letter.recipients, (error.smtp_code, error.smtp_error))
    except SMTPNotSupportedError:
        return _unspeakable(letter)
    return _delivery(letter, faults)


def _dial(settings: Settings) -> SMTP:
    match settings.tls:
        case "tls":
            return SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=_context(settings))
        case "starttls" | "none":
            return SMTP(settings.host, settings.port, timeout=settings.timeout)
        case _:
            assert_never(settings.tls)


def _introduce(connection: SMTP, settings: Settings) -> None:
    try:
        if settings.tls == "starttls":
            connection.starttls(context=_context(settings))
        if settings.user is not None and settings.password is not None:
            connection.login(settings.user, settings.password)
        connection.ehlo_or_helo_if_needed()
    except SMTPResponseException as error:
        raise _verdict(error, f"the server {settings.host}") from error


def _context(settings: Settings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=None if settings.ca_file is None else str(settings.ca_file))


def _verdict(error: SMTPResponseException, what: str) -> Refused | PutOff:
    said = f"{what} was answered {error.smtp_code} {_text(error.smtp_error)}"
    return Refused(said) if error.smtp_code >= _PERMANENT else PutOff(said)


def _delivery(letter: Letter, faults: Faults) -> Delivery:
    if any(code == _CLOSING for code, _ in faults.values()):
        raise SMTPServerDisconnected(f"the server closes the connection: {_text(next(iter(faults.values()))[1])}")
    replies = [Reply(address, code, _text(said)) for address, (code, said) in faults.items()]
    return Delivery(
        accepted=tuple(address for address in letter.recipients if address not in faults),
        refused=tuple(reply for reply in replies if reply.is_final),
        put_off=tuple(reply for reply in replies if not reply.is_final),
    )


def _unspeakable(letter: Letter) -> Delivery:
    reason = "the address needs SMTPUTF8, which the server does not offer"
    return Delivery(refused=tuple(Reply(address, None, reason) for address in letter.recipients))


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:MAX_REASON]
