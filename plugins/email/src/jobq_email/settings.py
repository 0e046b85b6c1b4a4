"""Where the mail goes out: read from the environment once per attempt, then frozen.

Decided here: `JOBQ_EMAIL_…` variables instead of a table in jobq's configuration file, because a plugin that is
installed alone brings its own settings, and because a password belongs in neither a file that is shown nor a
payload that is stored. A variable that nobody reads is an error: `JOBQ_EMAIL_TSL=none` must not look as if it
worked. Cost: a settings error is noticed by the first job, not by the worker's start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from email.headerregistry import Address
from pathlib import Path
from typing import Literal

from jobq.durations import parse_duration, parse_size
from jobq.errors import ConfigError, InvalidValue
from jobq_email.address import parse_address
from jobq_email.errors import Refused

Tls = Literal["starttls", "tls", "none"]

_PREFIX = "JOBQ_EMAIL_"
_MODES: Mapping[str, Tls] = {"starttls": "starttls", "tls": "tls", "none": "none"}
_PORTS: Mapping[Tls, int] = {"starttls": 587, "tls": 465, "none": 25}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NAMES = (
    "HOST",
    "PORT",
    "USER",
    "PASSWORD",
    "PASSWORD_FILE",
    "TLS",
    "FROM",
    "TIMEOUT",
    "CA_FILE",
    "ATTACHMENT_ROOT",
    "ATTACHMENT_LIMIT",
    "TEMPLATES",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to reach the mail server, and what may be sent through it.

    `timeout` is seconds for each answer of the server. `attachment_limit` is bytes, all attachments of a message
    together. Without `attachment_root` nothing can be attached. `ca_file` replaces the system's authorities.
    """

    host: str
    sender: Address
    tls: Tls = "starttls"
    port: int = 587
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = 10.0
    ca_file: Path | None = None
    attachment_root: Path | None = None
    attachment_limit: int = 10 * 1024 * 1024
    templates: Path | None = None


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings that `environ` holds.

    Raises `ConfigError`, which names the variable, for one that is missing, unknown or makes no sense.
    """
    given = _given(environ)
    tls = _tls(given)
    settings = Settings(
        host=_required(given, "HOST"),
        sender=_sender(given),
        tls=tls,
        port=_port(given, tls),
        user=given.get("USER"),
        password=_password(given),
        timeout=_timeout(given),
        ca_file=_path(given, "CA_FILE"),
        attachment_root=_path(given, "ATTACHMENT_ROOT"),
        attachment_limit=_limit(given),
        templates=_path(given, "TEMPLATES"),
    )
    return _checked(settings)


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    given = {key.removeprefix(_PREFIX): text for key, text in environ.items() if key.startswith(_PREFIX) and text}
    for name in sorted(given.keys() - set(_NAMES)):
        near = get_close_matches(name, _NAMES, n=1)
        raise _wrong(name, "is not a setting", f"did you mean {_PREFIX}{near[0]}?" if near else "remove it")
    return given


def _required(given: Mapping[str, str], name: str) -> str:
    if name not in given:
        raise _wrong(name, "is not set", "the email plugin needs a mail server (HOST) and a sender (FROM)")
    return given[name]


def _tls(given: Mapping[str, str]) -> Tls:
    text = given.get("TLS", "starttls")
    if text not in _MODES:
        raise _wrong("TLS", f"is {text!r}", f"use one of {', '.join(_MODES)}")
    return _MODES[text]


def _port(given: Mapping[str, str], tls: Tls) -> int:
    text = given.get("PORT", str(_PORTS[tls]))
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:6]) < 65536):  # noqa: PLR2004
        raise _wrong("PORT", f"is {text!r}", "use a number from 1 to 65535")
    return int(text)


def _sender(given: Mapping[str, str]) -> Address:
    try:
        return parse_address(_required(given, "FROM"))
    except Refused as error:
        raise _wrong("FROM", error.message, error.hint) from error


def _password(given: Mapping[str, str]) -> str | None:
    if "PASSWORD_FILE" not in given:
        return given.get("PASSWORD")
    if "PASSWORD" in given:
        raise _wrong("PASSWORD_FILE", f"is set together with {_PREFIX}PASSWORD", "set one of them")
    try:
        return Path(given["PASSWORD_FILE"]).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong("PASSWORD_FILE", f"cannot be read: {type(error).__name__}", "check path and permissions") from None


def _timeout(given: Mapping[str, str]) -> float:
    try:
        seconds = parse_duration(given.get("TIMEOUT", "10s"))
    except InvalidValue as error:
        raise _wrong("TIMEOUT", error.message, error.hint) from error
    if not seconds:
        raise _wrong("TIMEOUT", "is zero", "give the server some seconds, for example 10s")
    return seconds


def _limit(given: Mapping[str, str]) -> int:
    try:
        return parse_size(given.get("ATTACHMENT_LIMIT", "10MiB"))
    except InvalidValue as error:
        raise _wrong("ATTACHMENT_LIMIT", error.message, error.hint) from error


def _path(given: Mapping[str, str], name: str) -> Path | None:
    return Path(given[name]) if name in given else None


def _checked(settings: Settings) -> Settings:
    if (settings.user is None) != (settings.password is None):
        raise _wrong("USER", "and the password come only together", "set both or neither")
    if settings.user is not None and settings.tls == "none" and settings.host not in _LOOPBACK:
        raise _wrong("TLS", "is none, which would send the password in clear", "use starttls or tls")
    return settings


def _wrong(name: str, problem: str, hint: str | None) -> ConfigError:
    return ConfigError(f"{_PREFIX}{name} {problem}", hint=hint)
