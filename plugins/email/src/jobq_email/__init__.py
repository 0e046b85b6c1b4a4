"""Mail over SMTP as jobq jobs.

Three handlers: `email:send` (one message), `email:template` (one message from a template) and `email:bulk` (the
same to many, one message each). The handlers in `jobq_email.handlers` are thin; the work is in plain functions
that need no queue, so that they can be called, and tested against a real server, by themselves.

Decided here: the standard library's `smtplib` and `email` instead of an HTTP mail service's client, because every
mail service speaks SMTP and no account is needed to try it. Cost: SMTP is at-least-once. When a connection breaks
between the message and the server's answer, nobody knows whether it was taken, and the next attempt sends it
again. The Message-ID is made from the job's id, so that the two copies can be recognised as one.

Permanent verdicts (5xx replies, addresses that cannot exist, attachments outside the root) are `Refused`, and end
the job; everything else (4xx replies, broken connections, time-outs) is raised as it is, and the job is retried.
"""

from jobq_email.errors import PutOff, Refused
from jobq_email.payload import Attachment, BulkEmail, Email, Recipient, TemplateEmail
from jobq_email.settings import Settings, load_settings

__all__ = [
    "Attachment",
    "BulkEmail",
    "Email",
    "PutOff",
    "Recipient",
    "Refused",
    "Settings",
    "TemplateEmail",
    "load_settings",
]
