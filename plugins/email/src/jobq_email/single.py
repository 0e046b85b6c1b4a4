"""One message to a few people, over one connection.

Decided here: what a server has accepted for one recipient is remembered (`past`), so that the next attempt sends
only to those whom it put off. Sending to everybody again would be simpler, and would annoy the first ones.
"""

from __future__ import annotations

from jobq_email.attachment import read_attachments
from jobq_email.message import Letter, compose, message_id
from jobq_email.payload import Email, TemplateEmail
from jobq_email.settings import Settings
from jobq_email.smtp import Delivery, connected, deliver
from jobq_email.template import find_template


def send_email(email: Email, settings: Settings, *, job_id: str, date: str, past: Delivery) -> Delivery:
    """Send to everyone whom `past` does not settle, and say what is known about all of them now.

    `date` is in the form of RFC 5322. Raises `Refused` for what can never be sent; otherwise what `connected` and
    `deliver` raise, which means that nothing is known to be sent.
    """
    files = read_attachments(email.attachments, settings.attachment_root, limit=settings.attachment_limit)
    sender = settings.sender
    letter = compose(email, files, sender=sender, message_id=message_id(job_id, sender), date=date)
    left = _left(letter, past)
    if not left.recipients:
        return past
    with connected(settings) as connection:
        return _joined(past, deliver(connection, left, sender))


def rendered(mail: TemplateEmail, settings: Settings) -> Email:
    """The message that a template makes of its variables. Headers that were given win over the template's.

    Raises `Refused` for an unknown template and for missing variables, all of them in one error.
    """
    content = find_template(mail.template, settings.templates).fill(mail.variables)
    return Email(
        to=mail.to,
        subject=content.subject,
        text=content.text,
        html=content.html,
        cc=mail.cc,
        bcc=mail.bcc,
        reply_to=mail.reply_to,
        headers={**content.headers, **mail.headers},
        attachments=mail.attachments,
    )


def _left(letter: Letter, past: Delivery) -> Letter:
    settled = {*past.accepted, *(reply.address for reply in past.refused)}
    return Letter(message=letter.message, recipients=tuple(each for each in letter.recipients if each not in settled))


def _joined(past: Delivery, now: Delivery) -> Delivery:
    return Delivery(accepted=past.accepted + now.accepted, refused=past.refused + now.refused, put_off=now.put_off)
