"""A mail server for tests: real SMTP on a free port of this machine, keeping what it receives.

Decided here: jobs that send mail are tested against a server that speaks the protocol (TLS, sign-in, refusals,
silence) and not against a replaced `smtplib`, because what goes wrong with mail goes wrong between two programs.
Needs aiosmtpd, which `pip install "jobq-email[test]"` brings.

    with MailServer() as server:
        send_email(email, settings_for(server.port), ...)
        assert server.received[0].recipients == ("a@example.com",)
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from concurrent.futures import Future
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from threading import Thread
from types import TracebackType
from typing import Any, Literal, Self

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from msgspec import Struct

Verb = Literal["MAIL", "RCPT", "DATA", "QUIT"]
Answer = Callable[[Verb, str], str | None]

DROP = "drop"
SILENCE = "silence"


class Received(Struct, frozen=True, kw_only=True):
    """A message as it arrived: its envelope, and its bytes."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        return message_from_bytes(self.content, policy=default)


def accept(_verb: Verb, _argument: str) -> str | None:
    """Take everything: the default answer."""
    return None


class MailServer:
    """An SMTP server on 127.0.0.1 for the time of a `with` block.

    `answer` is called with `MAIL` and the sender, `RCPT` and an address, `DATA` and the recipients joined by
    commas, `QUIT` and nothing. It returns a reply such as `"550 no such user"`, `DROP` to cut the connection,
    `SILENCE` to say nothing more, or None to accept. `starttls` and `tls` are the server's context for one or the
    other; `login` is the user and password without which it takes nothing.
    """

    def __init__(
        self,
        answer: Answer = accept,
        *,
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.port = 0
        self._answer = answer
        self._starttls = starttls
        self._tls = tls
        self._login = login
        self._sessions: list[SMTP] = []
        self._thread = Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._ready: Future[Callable[[], object]] = Future()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result(timeout=10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ready.result()()
        self._thread.join()

    async def handle_MAIL(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Answer to a sender."""
        if self._login is not None and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return await self._reply(server, "MAIL", address) or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Answer to a recipient."""
        reply = await self._reply(server, "RCPT", address)
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Answer to a message, and keep it when it is accepted."""
        reply = await self._reply(server, "DATA", ",".join(envelope.rcpt_tos))
        if reply is None:
            letter = Received(
                sender=envelope.mail_from, recipients=tuple(envelope.rcpt_tos), content=envelope.original_content
            )
            self.received.append(letter)
        return reply or "250 OK"

    async def handle_QUIT(self, server: SMTP, _session: Any, _envelope: Any) -> str:  # noqa: N802
        """Answer to a good-bye."""
        return await self._reply(server, "QUIT", "") or "221 Bye"

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        server = await loop.create_server(self._session, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set_result(lambda: loop.call_soon_threadsafe(stopping.set))
        await stopping.wait()
        server.close()
        for session in self._sessions:
            _cut(session)

    def _session(self) -> SMTP:
        self.connections += 1
        session = SMTP(
            self,
            hostname="localhost",
            tls_context=self._starttls,
            require_starttls=self._starttls is not None,
            authenticator=self._sign_in,
            auth_require_tls=False,
        )
        self._sessions.append(session)
        return session

    def _sign_in(self, _server: SMTP, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        if not isinstance(given, LoginPassword):
            return AuthResult(success=False, handled=False)
        is_known = (given.login.decode(), given.password.decode()) == self._login
        return AuthResult(success=is_known, handled=False)

    async def _reply(self, server: SMTP, verb: Verb, argument: str) -> str | None:
        reply = self._answer(verb, argument)
        if reply == SILENCE:
            await asyncio.Event().wait()
        if reply == DROP:
            _cut(server)
        return reply


def _cut(session: SMTP) -> None:
    if session.transport is not None:
        session.transport.close()
