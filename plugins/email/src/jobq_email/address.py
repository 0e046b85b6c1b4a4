"""Text that goes into a header, and mail addresses: what is allowed, and nothing else.

Decided here: a small strict form (`a@example.com` or `Name <a@example.com>`) instead of the whole of RFC 5322.
Comments, groups, routes and quoted local parts are refused: no real mailbox needs them, and every lenient parser
has been talked into sending to somebody else. Cost: a mailbox like `"john doe"@example.com` cannot be written to.
"""

from __future__ import annotations

import re
from email.headerregistry import Address

from jobq_email.errors import Refused

# Not only CR and LF: `str.splitlines`, which header folding uses, also breaks at these.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ATOM = r"[^\s\"(),:;<>@\[\]\\.]+"
_LABEL = r"(?!-)[0-9A-Za-z\u0080-\U0010ffff-]{1,63}(?<!-)"
_ADDR_SPEC = re.compile(rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>{_LABEL}(?:\.{_LABEL})*)")
_MAX_TEXT = 900
_MAX_LOCAL = 64
_MAX_ADDR_SPEC = 254


def parse_address(text: str) -> Address:
    """The address in `a@example.com`, `Name <a@example.com>` or `"Name, A." <a@example.com>`.

    Raises `Refused` for anything else.
    """
    one_line(text, "address")
    name, angle, rest = text.strip().rpartition("<")
    if angle and not rest.endswith(">"):
        raise _bad(text)
    found = _ADDR_SPEC.fullmatch(rest.removesuffix(">") if angle else rest)
    if found is None or len(found["local"]) > _MAX_LOCAL or len(found[0]) > _MAX_ADDR_SPEC:
        raise _bad(text)
    return Address(display_name=_unquoted(name.strip(), text), username=found["local"], domain=found["domain"])


def one_line(text: str, what: str) -> str:
    """`text` itself, when it is safe as the value of a header; `what` names it in the error.

    Raises `Refused` for control characters and line breaks of any kind: they would begin a header of their own.
    """
    if _CONTROL.search(text):
        raise Refused(f"the {what} {text[:80]!r} contains a control character or a line break")
    if len(text) > _MAX_TEXT:
        raise Refused(f"the {what} is {len(text)} characters long; at most {_MAX_TEXT} are allowed")
    return text


def _unquoted(name: str, text: str) -> str:
    if len(name) > 1 and name.startswith('"') and name.endswith('"'):
        return re.sub(r"\\(.)", r"\1", name[1:-1])
    if any(sign in name for sign in '"<>,;:@()'):
        raise _bad(text)
    return name


def _bad(text: str) -> Refused:
    return Refused(f"{text[:80]!r} is not a mail address", hint="write a@example.com or Name <a@example.com>")
