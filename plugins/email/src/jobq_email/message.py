"""From a payload to a message: headers, bodies, attachments.

Pure: no file, clock or socket is touched here, so that everything about a message can be tested without sending it.

The Message-ID is made from the job's id (and, in a list, the recipient's place). A second attempt makes the same
one, and mail systems that know it show, or keep, only one copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256

from msgspec import Struct

from jobq_email.address import parse_address
from jobq_email.attachment import File
from jobq_email.header import HeaderLine, address_line, text_line
from jobq_email.payload import Addresses, Email, listed

# 7 bit, because a server need not speak 8BITMIME and `smtplib` does not ask it.
_POLICY = SMTP.clone(cte_type="7bit")
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Letter(Struct, frozen=True, kw_only=True):
    """A message and who is to get it: the envelope, which also holds those in `bcc`."""

    message: EmailMessage
    recipients: tuple[str, ...]


def compose(email: Email, files: Sequence[File], *, sender: Address, message_id: str, date: str) -> Letter:
    """The letter that `email` asks for. `date` is in the form of RFC 5322."""
    message = EmailMessage(policy=_POLICY)
    for line in _headers(email, sender):
        message[line.name] = line
    message["Date"] = date
    message["Message-ID"] = text_line("Message-ID", message_id)
    _write(message, email)
    for file in files:
        maintype, _, subtype = file.content_type.partition("/")
        message.add_attachment(file.content, maintype=maintype, subtype=subtype, filename=file.filename)
    return Letter(message=message, recipients=_envelope(email))


def message_id(job_id: str, sender: Address, place: int | None = None) -> str:
    """The Message-ID for a job, or for one `place` in its list: the same at every attempt."""
    known = job_id if _PLAIN_ID.fullmatch(job_id) else sha256(job_id.encode("utf-8", "replace")).hexdigest()[:40]
    domain = sender.domain if sender.domain.isascii() else "jobq.invalid"
    return f"<{known}@{domain}>" if place is None else f"<{known}.{place}@{domain}>"


def _headers(email: Email, sender: Address) -> Iterator[HeaderLine]:
    yield address_line("From", (sender,))
    for name, addresses in (("To", email.to), ("Cc", email.cc), ("Reply-To", email.reply_to)):
        if listed(addresses):
            yield address_line(name, _parsed(addresses))
    yield text_line("Subject", email.subject)
    for name, value in email.headers.items():
        yield text_line(name, value)


def _write(message: EmailMessage, email: Email) -> None:
    if email.text is None:
        message.set_content(email.html or "", subtype="html")
        return
    message.set_content(email.text)
    if email.html is not None:
        message.add_alternative(email.html, subtype="html")


def _envelope(email: Email) -> tuple[str, ...]:
    everyone = (*_parsed(email.to), *_parsed(email.cc), *_parsed(email.bcc))
    return tuple(dict.fromkeys(address.addr_spec for address in everyone))


def _parsed(addresses: Addresses) -> tuple[Address, ...]:
    return tuple(parse_address(text) for text in listed(addresses))
