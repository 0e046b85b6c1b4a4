"""What can be wrong with a mail: for good, or for now.

Two classes and no more, because a job knows only two ways on: end, or try again. Broken connections and time-outs
keep the exception that the standard library gave them; they mean "try again" too.
"""

from __future__ import annotations

from jobq.errors import JobqError


class Refused(JobqError, ValueError):
    """Trying again would end the same way: a bad address, a missing variable, a 5xx reply.

    A `ValueError` as well, so that a payload that is refused is reported when it is enqueued.
    """

    code = "email_refused"


class PutOff(JobqError):
    """The server said 4xx: not now. The same request may succeed later."""

    code = "email_put_off"
