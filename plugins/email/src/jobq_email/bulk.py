"""The same to many: one message each, over one connection, resumed where it stopped.

Decided here: after each message the caller gets a new `Tally` and is expected to keep it as the job's checkpoint,
so that a crash repeats at most the message that was under way. The alternative, one job per recipient, costs a
connection for each and has no end that one could wait for. Cost: the list is limited, because payload, checkpoint
and result are stored with the job.

What is wrong with the list as a whole (no template, missing variables) is found before the first message leaves.
What is wrong with one recipient is reported for that one, and the others are served.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Mapping
from smtplib import SMTP, SMTPServerDisconnected

from msgspec import Struct

from jobq_email.attachment import File, read_attachments
from jobq_email.errors import PutOff, Refused
from jobq_email.message import Letter, compose, message_id
from jobq_email.payload import BulkEmail, Email, Recipient, Value
from jobq_email.settings import Settings
from jobq_email.smtp import MAX_REASON, Reply, connected, deliver
from jobq_email.template import Content, MailTemplate, find_template

_PATIENCE = 10
_NAMED = 5


class Entry(Struct, frozen=True):
    """What the server said about the recipient at `place`, counted from 0."""

    place: int
    code: int | None
    reason: str


class Tally(Struct, frozen=True, kw_only=True):
    """How far a list has come: everyone before `next` was served, but for those in `refused` and `put_off`."""

    next: int = 0
    refused: tuple[Entry, ...] = ()
    put_off: tuple[Entry, ...] = ()

    def todo(self, total: int) -> list[int]:
        """The places that are still to be served, those that were put off last.

        The other way round, ten people whose server is always busy would keep everyone behind them from being served.
        """
        return [*range(self.next, total), *(entry.place for entry in self.put_off)]

    def after(self, place: int, reply: Reply | None) -> Tally:
        """The tally once `place` was answered; None means that the message was accepted."""
        others = tuple(entry for entry in self.put_off if entry.place != place)
        entry = () if reply is None else (Entry(place, reply.code, reply.reason),)
        is_final = reply is not None and reply.is_final
        return Tally(
            next=max(self.next, place + 1),
            refused=self.refused + entry if is_final else self.refused,
            put_off=others if is_final else others + entry,
        )


class Mailing(Struct, frozen=True, kw_only=True):
    """A list that has been checked as a whole: its letters are written one at a time, as they are needed."""

    bulk: BulkEmail
    recipients: tuple[Recipient, ...]
    template: MailTemplate | None
    files: tuple[File, ...]
    settings: Settings
    job_id: str
    date: str

    def letter(self, place: int) -> Letter:
        """The letter to the recipient at `place`. Raises `Refused` when that one cannot be written to."""
        recipient = self.recipients[place]
        content = self._content(recipient)
        sender = self.settings.sender
        email = _email(self.bulk, recipient.to, content)
        identity = message_id(self.job_id, sender, place)
        return compose(email, self.files, sender=sender, message_id=identity, date=self.date)

    def _content(self, recipient: Recipient) -> Content:
        if self.template is None:
            return _literal(self.bulk)
        return self.template.fill(_variables(self.bulk, recipient))


def prepare(bulk: BulkEmail, settings: Settings, *, job_id: str, date: str) -> Mailing:
    """Find the list's template and read its attachments. `date` is in the form of RFC 5322.

    Raises `Refused` when there is no such template or attachment, or when variables are missing for anybody.
    """
    recipients = tuple(Recipient(to=each) if isinstance(each, str) else each for each in bulk.recipients)
    template = None if bulk.template is None else find_template(bulk.template, settings.templates)
    if template is not None:
        _check_variables(bulk, recipients, template)
    files = read_attachments(bulk.attachments, settings.attachment_root, limit=settings.attachment_limit)
    return Mailing(
        bulk=bulk,
        recipients=recipients,
        template=template,
        files=files,
        settings=settings,
        job_id=job_id,
        date=date,
    )


def send_all(mailing: Mailing, tally: Tally) -> Generator[Tally]:
    """Serve everyone whom `tally` leaves to do; yields the new tally after each message.

    A server that ends the connection after some messages is called again. Raises what `connected` and `deliver`
    raise when a fresh connection does not get one message through, and `PutOff` when the server puts off ten in
    a row: it wants to be left alone for a while.
    """
    waiting = deque(tally.todo(len(mailing.recipients)))
    streak = 0
    while waiting:
        before = len(waiting)
        try:
            with connected(mailing.settings) as connection:
                while waiting:
                    reply = _serve(connection, mailing, waiting[0])
                    tally = tally.after(waiting.popleft(), reply)
                    streak = streak + 1 if reply is not None and not reply.is_final else 0
                    yield tally
                    _check_patience(streak, tally, mailing)
        except SMTPServerDisconnected:
            if len(waiting) == before:
                raise


def describe_put_off(tally: Tally, mailing: Mailing) -> PutOff:
    """The error that says who was put off; it names the first few and counts the rest."""
    first = tally.put_off[:_NAMED]
    named = ", ".join(f"{mailing.recipients[entry.place].to[:80]}: {entry.code} {entry.reason}" for entry in first)
    more = len(tally.put_off) - len(first)
    said = f"{len(tally.put_off)} of {len(mailing.recipients)} recipients were put off"
    return PutOff(f"{said}: {named}" + (f" and {more} more" if more else ""), hint="the next attempt serves only them")


def _serve(connection: SMTP, mailing: Mailing, place: int) -> Reply | None:
    try:
        letter = mailing.letter(place)
    except Refused as error:
        return Reply(mailing.recipients[place].to[:80], None, error.message[:MAX_REASON])
    delivery = deliver(connection, letter, mailing.settings.sender)
    return next(iter((*delivery.refused, *delivery.put_off)), None)


def _check_patience(streak: int, tally: Tally, mailing: Mailing) -> None:
    if streak >= _PATIENCE:
        raise describe_put_off(tally, mailing)


def _check_variables(bulk: BulkEmail, recipients: tuple[Recipient, ...], template: MailTemplate) -> None:
    lacking = [(each.to, gaps) for each in recipients if (gaps := template.missing(_variables(bulk, each)))]
    if lacking:
        named = "; ".join(f"{to[:80]}: {', '.join(gaps)}" for to, gaps in lacking[:_NAMED])
        hint = "add them to the list's `variables` or the recipient's; nothing was sent"
        raise Refused(f"{len(lacking)} recipients lack variables of {template.name!r}: {named}", hint=hint)


def _literal(bulk: BulkEmail) -> Content:
    return Content(subject=bulk.subject or "", text=bulk.text, html=bulk.html, headers={})


def _email(bulk: BulkEmail, to: str, content: Content) -> Email:
    return Email(
        to=to,
        subject=content.subject,
        text=content.text,
        html=content.html,
        reply_to=bulk.reply_to,
        headers={**content.headers, **bulk.headers},
    )


def _variables(bulk: BulkEmail, recipient: Recipient) -> Mapping[str, Value]:
    return {**bulk.variables, **recipient.variables}
