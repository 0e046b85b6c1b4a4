"""Templates: a subject, a text and an HTML body with `$placeholders`.

Decided here: `string.Template` instead of a template language. A placeholder is replaced by a value and that is
all: no loops, no attribute access, nothing that a payload could make execute. Values are escaped in HTML, so that
a name like `<script>` stays a name, and a variable whose name ends in `_url` must be an http(s) address, because
escaping does not help against `javascript:`. Cost: what differs in structure is another template.

A template is up to three files: `NAME.subject`, `NAME.txt`, `NAME.html`. The own folder is asked first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from html import escape
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from msgspec import Struct

from jobq_email.address import one_line
from jobq_email.errors import Refused
from jobq_email.payload import Value

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_URL = re.compile(r"https?://[^\s<>\"]+")
_UNSUBSCRIBE = "unsubscribe_url"


class Content(Struct, frozen=True, kw_only=True):
    """What a filled template says. `headers` are those that follow from its variables."""

    subject: str
    text: str | None
    html: str | None
    headers: dict[str, str]


class MailTemplate(Struct, frozen=True, kw_only=True):
    """A template's three parts, as they were written."""

    name: str
    subject: str
    text: str | None
    html: str | None

    def missing(self, variables: Mapping[str, Value]) -> list[str]:
        """The placeholders that `variables` do not fill, sorted."""
        parts = (Template(part) for part in (self.subject, self.text, self.html) if part is not None)
        return sorted({name for part in parts for name in part.get_identifiers()} - variables.keys())

    def fill(self, variables: Mapping[str, Value]) -> Content:
        """The message for these variables.

        Raises `Refused` naming every missing variable, and for a `…_url` that is no http(s) address.
        """
        if missing := self.missing(variables):
            raise Refused(f"the template {self.name!r} needs {', '.join(missing)}", hint="add them to `variables`")
        plain = {name: str(value) for name, value in variables.items()}
        _check_urls(plain)
        return Content(
            subject=one_line(Template(self.subject).substitute(plain).strip(), "subject"),
            text=None if self.text is None else Template(self.text).substitute(plain),
            html=None if self.html is None else Template(self.html).substitute(_escaped(plain)),
            headers={"List-Unsubscribe": f"<{plain[_UNSUBSCRIBE]}>"} if _UNSUBSCRIBE in plain else {},
        )


def find_template(name: str, folder: Path | None) -> MailTemplate:
    """The template of that name, from `folder` or else from those that come with the plugin.

    Raises `Refused` for an unknown one, with the near matches, and for one that is not well-formed.
    """
    if not _NAME.fullmatch(name):
        raise Refused(f"{name[:80]!r} is not a template name", hint="use small letters, digits, - and _")
    places = _places(folder)
    for place in places:
        if place.joinpath(f"{name}.subject").is_file():
            return _read(name, place)
    raise _unknown(name, places)


def _places(folder: Path | None) -> tuple[Traversable, ...]:
    built_in = files("jobq_email").joinpath("templates")
    return (built_in,) if folder is None else (folder, built_in)


def _read(name: str, place: Traversable) -> MailTemplate:
    subject, text, html = (_part(place.joinpath(f"{name}.{end}")) for end in ("subject", "txt", "html"))
    if text is None and html is None:
        raise Refused(f"the template {name!r} has neither {name}.txt nor {name}.html")
    return MailTemplate(name=name, subject=subject or "", text=text, html=html)


def _part(path: Traversable) -> str | None:
    if not path.is_file():
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"the template file {path.name!r} is not UTF-8") from error
    if not Template(text).is_valid():
        raise Refused(f"the template file {path.name!r} has a $ that begins no placeholder", hint="write $$ for a $")
    return text


def _unknown(name: str, places: tuple[Traversable, ...]) -> Refused:
    known = sorted({path.name.removesuffix(".subject") for place in places for path in _subjects(place)})
    near = get_close_matches(name, known, n=3)
    return Refused(f"there is no template {name!r}", hint=f"did you mean {', '.join(near or known)}?")


def _subjects(place: Traversable) -> list[Traversable]:
    return [path for path in place.iterdir() if path.name.endswith(".subject")] if place.is_dir() else []


def _check_urls(variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        if name.endswith("_url") and not _URL.fullmatch(value):
            raise Refused(f"the variable {name} is not an http(s) address")


def _escaped(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: escape(value) for name, value in variables.items()}
