"""Headers, written out: the value, and how it is broken into lines.

Decided here: headers are folded by this module and not by `email.policy`. Python's own folding drops the quotes
of a long name (`"a, b@example.com, ..." <c@example.com>` then reads as several recipients), encodes the comma
between two addresses, and turns long words such as an unsubscribe link into encoded ones that no mail program
follows. Here an address has a line of its own and an ASCII word is never touched. Cost: a line may be longer than
the 78 characters that are recommended, though never than the 998 that are allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.header import Header
from email.headerregistry import Address
from email.policy import Policy
from typing import Any, Self

_PLAIN = re.compile(r"(?!.*=\?)[!-~]+(?: [!-~]+)*")
_WORDS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LINE = 76


class HeaderLine(str):
    """A header's value that knows how it is written; the email package asks it by `name` and `fold`."""

    __slots__ = ("_folded", "name")

    name: str
    _folded: str

    def __new__(cls, name: str, value: str, folded: str) -> Self:
        """Make the line; `folded` is what stands behind the colon, with a line feed and a space at its breaks."""
        self = super().__new__(cls, value)
        self.name = name
        self._folded = folded
        return self

    def fold(self, *, policy: Policy[Any]) -> str:
        """The whole header with the policy's line ends, the last one included."""
        return f"{self.name}: {self._folded}\n".replace("\n", policy.linesep)


def text_line(name: str, text: str) -> HeaderLine:
    """A header that holds text. What is not plain ASCII is encoded; `text` has no control characters."""
    if _PLAIN.fullmatch(text) or not text:
        return HeaderLine(name, text, _wrapped(text, len(name) + 2))
    return HeaderLine(name, text, _encoded(text, len(name) + 2))


def address_line(name: str, addresses: Iterable[Address]) -> HeaderLine:
    """A header that holds addresses, each on a line of its own."""
    listed = tuple(addresses)
    folded = ",\n ".join(_mailbox(address) for address in listed)
    return HeaderLine(name, ", ".join(map(str, listed)), folded)


def _wrapped(text: str, indent: int) -> str:
    lines, room = [""], _LINE - indent
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines, room = [*lines, word], _LINE - 1
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\n ".join(lines)


def _encoded(text: str, indent: int) -> str:
    return Header(text, "utf-8", maxlinelen=_LINE, header_name="x" * (indent - 2)).encode(linesep="\n")


def _mailbox(address: Address) -> str:
    name = address.display_name
    if not name:
        return address.addr_spec
    if _WORDS.fullmatch(name) and "=?" not in name:
        return f"{name} <{address.addr_spec}>"
    if name.isascii() and "=?" not in name:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{address.addr_spec}>'
    return f"{_encoded(name, _LINE // 3)}\n <{address.addr_spec}>"
