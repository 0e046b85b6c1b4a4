"""Names that nobody knows: refused once a worker has said which there are, warned of before."""

from __future__ import annotations

from jobq.cli.session import Session
from jobq.client import Client
from jobq.names import check_name, near


class NameCheck:
    """Asks about each name once."""

    def __init__(self, session: Session, client: Client, *, allow_unknown: bool) -> None:
        self._session = session
        self._client = client
        self._passed: set[str] = set()
        self._allow_unknown = allow_unknown

    def check(self, name: str) -> None:
        """Let a name pass, with a warning if it cannot be told; raises `UnknownHandler`, and `InvalidValue`."""
        check_name(name)
        if self._allow_unknown or name in self._passed:
            return
        if not self._client.is_known(name):
            self._client.require_known([name])
            self._session.warn(self._unchecked(name))
        self._passed.add(name)

    def _unchecked(self, name: str) -> str:
        close = near(name, self._client.registry.names())
        meant = f"; did you mean {' or '.join(close)}?" if close else ""
        return f"no worker has registered yet, so nobody can tell whether {name} has a handler{meant}"
