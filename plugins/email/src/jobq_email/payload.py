"""What the three handlers take, as typed payloads that are right by construction.

Decided here: msgspec structs that refuse unknown fields, and that check their rules (addresses, header names, line
breaks) when they are made. So `"subjct"` and a bad address are errors where a job is enqueued, and code that has
an `Email` in its hands need not doubt it. What only the worker can know (templates, files, the server's opinion)
is checked when the job runs.

The recipients of a list are the exception: one bad address in five thousand must not stop the others, so it is
reported in the job's result.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from jobq_email.address import one_line, parse_address
from jobq_email.errors import Refused

Value = str | int | float
Addresses = str | tuple[str, ...]

MAX_RECIPIENTS = 5_000

_HEADER_NAME = re.compile(r"[!-9;-~]{1,76}")
_OURS = re.compile(
    r"from|sender|to|cc|bcc|reply-to|subject|date|message-id|mime-version|return-path|received|content-.*|resent-.*",
    re.IGNORECASE,
)


class Attachment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file under the attachment root.

    `path` is relative to the root or absolute inside it. `filename` (default: the path's last part) is what the
    reader sees; `content_type` (default: guessed from `filename`) is a MIME type such as `application/pdf`.
    """

    path: str
    filename: str | None = None
    content_type: str | None = None


class Email(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One message: the payload of `email:send`. At least one of `text` and `html` is needed.

    `to`, `cc`, `bcc` and `reply_to` take one address or a list. Who is in `bcc` gets the message and is named in
    no header. An attachment may be given by its path alone. `headers` adds headers of one's own.
    Raises `Refused` when it is made of what cannot be sent.
    """

    to: Addresses
    subject: str
    text: str | None = None
    html: str | None = None
    cc: Addresses = ()
    bcc: Addresses = ()
    reply_to: Addresses = ()
    headers: Mapping[str, str] = {}
    attachments: tuple[str | Attachment, ...] = ()

    def __post_init__(self) -> None:
        _check_recipients(self)
        _check_headers(self.headers)
        one_line(self.subject, "subject")
        if self.text is None and self.html is None:
            raise Refused("the message has neither `text` nor `html`")


class TemplateEmail(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One message whose subject, text and HTML come from a template: the payload of `email:template`.

    `template` is a name: `welcome`, `password-reset`, `verification`, `newsletter`, or one from the own folder.
    `variables` fill its placeholders; more than it asks for is fine. The rest is as in `Email`.
    """

    to: Addresses
    template: str
    variables: Mapping[str, Value] = {}
    cc: Addresses = ()
    bcc: Addresses = ()
    reply_to: Addresses = ()
    headers: Mapping[str, str] = {}
    attachments: tuple[str | Attachment, ...] = ()

    def __post_init__(self) -> None:
        _check_recipients(self)
        _check_headers(self.headers)


class Recipient(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody on a list; their `variables` win over the list's."""

    to: str
    variables: Mapping[str, Value] = {}


class BulkEmail(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same to many, one message each: the payload of `email:bulk`. 1 to 5,000 recipients.

    Either `template`, filled for each recipient, or `subject` with `text` and/or `html`, which are sent as they
    are. Raises `Refused` when it is made of what cannot be sent to anybody.
    """

    recipients: tuple[str | Recipient, ...]
    template: str | None = None
    variables: Mapping[str, Value] = {}
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    reply_to: Addresses = ()
    headers: Mapping[str, str] = {}
    attachments: tuple[str | Attachment, ...] = ()

    def __post_init__(self) -> None:
        _check_size(len(self.recipients))
        _check_content(self)
        _check_headers(self.headers)
        for text in listed(self.reply_to):
            parse_address(text)


def listed(addresses: Addresses) -> tuple[str, ...]:
    """One address or many, as many."""
    return (addresses,) if isinstance(addresses, str) else addresses


def _check_recipients(email: Email | TemplateEmail) -> None:
    everyone = (*listed(email.to), *listed(email.cc), *listed(email.bcc))
    if not everyone:
        raise Refused("the message has no recipient")
    for text in (*everyone, *listed(email.reply_to)):
        parse_address(text)


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise Refused(f"{name[:80]!r} is not a header name")
        if _OURS.fullmatch(name):
            raise Refused(f"the header {name} cannot be given", hint="it follows from the other fields")
        one_line(value, f"header {name}")


def _check_size(count: int) -> None:
    if not 0 < count <= MAX_RECIPIENTS:
        hint = f"enqueue one job for every {MAX_RECIPIENTS}"
        raise Refused(f"a list has 1 to {MAX_RECIPIENTS} recipients, this one has {count}", hint=hint)


def _check_content(bulk: BulkEmail) -> None:
    has_body = bulk.text is not None or bulk.html is not None
    match bulk.template, bulk.subject:
        case str(), None if not has_body:
            return
        case None, str(subject) if has_body:
            one_line(subject, "subject")
        case _:
            raise Refused("a list needs either `template`, or `subject` with `text` or `html`")
