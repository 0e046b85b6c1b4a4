"""Every exception that jobq raises, in one tree.

Each error names the thing, the reason and the next step (`hint`), and carries the exit code that the
command line answers with, so that a script and a program see the same distinction.
Expected races are not here: a lost claim is the value `Settled.LOST`, not an exception.
"""

from __future__ import annotations

from typing import ClassVar


class JobqError(Exception):
    """Something went wrong in a way that jobq can explain.

    `message` is one line for a person; `hint` says what to do about it, or is None.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(JobqError):
    """The arguments make no sense, or a confirmation is missing."""

    code = "usage"
    exit_code = 2


class InvalidValue(UsageError, ValueError):
    """A name, duration, instant, priority or option is not of its form."""

    code = "invalid_value"


class NotFound(JobqError, LookupError):
    """There is no such job, queue, handler, schedule or worker."""

    code = "not_found"
    exit_code = 3


class UnknownHandler(NotFound):
    """Neither this process nor the store knows a handler of that name."""

    code = "unknown_handler"


class Conflict(JobqError):
    """Another job holds the unique key or the id."""

    code = "conflict"
    exit_code = 4


class InvalidState(JobqError):
    """The job's state does not allow what was asked."""

    code = "invalid_state"
    exit_code = 4


class Unsupported(JobqError):
    """This driver cannot do that, and says so instead of ignoring it."""

    code = "unsupported"
    exit_code = 4


class CheckFailed(JobqError):
    """A check looked and said no."""

    code = "check_failed"
    exit_code = 5


class BadPayload(JobqError, ValueError):
    """The payload is not JSON, breaks the handler's schema, or is too large."""

    code = "bad_payload"
    exit_code = 65


class InputMissing(JobqError):
    """An input file is missing or cannot be read."""

    code = "input_missing"
    exit_code = 66


class Unreachable(JobqError, ConnectionError):
    """The store does not answer. Nothing is known about a request that was under way."""

    code = "unreachable"
    exit_code = 69


class TryAgain(JobqError, TimeoutError):
    """The time ran out, but a later try may succeed."""

    code = "try_again"
    exit_code = 75


class PermissionDenied(JobqError):
    """The store refuses this user."""

    code = "permission_denied"
    exit_code = 77


class ConfigError(JobqError):
    """A setting is missing, unknown, or makes no sense."""

    code = "config"
    exit_code = 78


class Disabled(ConfigError):
    """`enabled = false`: this installation takes no jobs."""

    code = "disabled"


class PluginError(ConfigError):
    """A plugin cannot be imported, or two plugins claim one name."""

    code = "plugin"


class SchemaMismatch(ConfigError):
    """The store's schema is older or newer than this program can handle."""

    code = "schema"


class JobTimeout(JobqError, TimeoutError):
    """The job ran past its `timeout`. Raised inside the handler, and recorded as its error."""

    code = "job_timeout"

    def __init__(self, message: str = "the job ran past its timeout") -> None:
        # The interpreter makes this one itself, without arguments, when it is raised from another thread.
        super().__init__(message)


class JobCancelled(JobqError):
    """Somebody cancelled this job. Raised by `ctx.check()`."""

    code = "job_cancelled"


class JobInterrupted(JobqError):
    """The worker is shutting down. The job goes back in line and no attempt is used."""

    code = "job_interrupted"

    def __init__(self, message: str = "the worker is shutting down") -> None:
        super().__init__(message)


class WorkerCrashed(JobqError):
    """The process that ran the job died."""

    code = "worker_crashed"


class WorkerLost(JobqError):
    """The worker that ran the job stopped renewing its lease."""

    code = "worker_lost"


class JobFailed(JobqError):
    """A job that was waited for, or run inline, did not complete. `type` and `traceback` are its error's."""

    code = "job_failed"
    exit_code = 1

    def __init__(self, message: str, *, type: str = "", traceback: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.type = type
        self.traceback = traceback
