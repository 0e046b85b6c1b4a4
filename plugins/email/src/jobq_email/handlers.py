"""The handlers: between a job and the plain functions that do its work.

Nothing is decided here but what an answer of the mail server means for the job: `Refused` ends it (`Discard`),
everything else that is raised lets it be retried.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email.utils import formatdate
from typing import Any

from msgspec import convert, to_builtins

from jobq import Context, Discard, exponential, job
from jobq_email.bulk import Mailing, Tally, describe_put_off, prepare, send_all
from jobq_email.errors import PutOff, Refused
from jobq_email.message import message_id
from jobq_email.payload import BulkEmail, Email, TemplateEmail
from jobq_email.settings import load_settings
from jobq_email.single import rendered, send_email
from jobq_email.smtp import Delivery

# Long enough for a server that puts off everyone it does not know yet, as greylisting does.
_PATIENT = exponential(base=30, max=900)


@job(
    "email:send",
    queue="emails",
    max_attempts=5,
    timeout="30s",
    backoff=_PATIENT,
    description="Send one message over SMTP",
)
def send(payload: Email, ctx: Context) -> dict[str, Any]:
    """Send one message. Returns `{message_id, accepted, refused}`."""
    with _refusal_ends_the_job():
        return _send(payload, ctx)


@job(
    "email:template",
    queue="emails",
    max_attempts=5,
    timeout="30s",
    backoff=_PATIENT,
    description="Send one message made from a template",
)
def send_template(payload: TemplateEmail, ctx: Context) -> dict[str, Any]:
    """Fill a template and send it. Returns `{message_id, accepted, refused}`."""
    with _refusal_ends_the_job():
        return _send(rendered(payload, load_settings(os.environ)), ctx)


@job(
    "email:bulk",
    queue="emails",
    max_attempts=10,
    timeout="1h",
    priority="low",
    backoff=_PATIENT,
    description="Send the same to a list, one message each; resumes where it stopped",
)
def send_bulk(payload: BulkEmail, ctx: Context) -> dict[str, Any]:
    """Serve a list. Returns `{sent, refused}`, each recipient in one of them."""
    with _refusal_ends_the_job():
        mailing = prepare(payload, load_settings(os.environ), job_id=ctx.job_id, date=formatdate())
        return _report(mailing, _serve(mailing, ctx))


@contextmanager
def _refusal_ends_the_job() -> Iterator[None]:
    try:
        yield
    except Refused as error:
        raise Discard(str(error)) from error


def _send(email: Email, ctx: Context) -> dict[str, Any]:
    settings = load_settings(os.environ)
    past = Delivery() if ctx.checkpoint_value is None else convert(ctx.checkpoint_value, Delivery)
    delivery = send_email(email, settings, job_id=ctx.job_id, date=formatdate(), past=past)
    if delivery.put_off:
        ctx.checkpoint(to_builtins(delivery))
        raise PutOff("; ".join(map(str, delivery.put_off)), hint="the next attempt sends only to them")
    if not delivery.accepted:
        raise Refused("; ".join(map(str, delivery.refused)))
    return {
        "message_id": message_id(ctx.job_id, settings.sender),
        "accepted": list(delivery.accepted),
        "refused": to_builtins(delivery.refused),
    }


def _serve(mailing: Mailing, ctx: Context) -> Tally:
    tally = Tally() if ctx.checkpoint_value is None else convert(ctx.checkpoint_value, Tally)
    total = len(mailing.recipients)
    with closing(send_all(mailing, tally)) as tallies:
        for tally in tallies:  # noqa: PLW2901, RUF100
            ctx.checkpoint(to_builtins(tally))
            ctx.progress(100 * tally.next / total, f"{tally.next} of {total}")
            ctx.check()
    if tally.put_off:
        raise describe_put_off(tally, mailing)
    return tally


def _report(mailing: Mailing, tally: Tally) -> dict[str, Any]:
    refused = {entry.place: entry for entry in tally.refused}
    return {
        "sent": [each.to for place, each in enumerate(mailing.recipients) if place not in refused],
        "refused": [
            {"address": mailing.recipients[entry.place].to, "code": entry.code, "reason": entry.reason}
            for entry in tally.refused
        ],
    }
