"""What must not be seen: values under keys that sound secret, and passwords inside texts.

Decision: one home for all masking, below everything that shows or stores text, so that logs, lists and error
texts hide the same things. Where the end of a secret cannot be told, too much is hidden rather than too little.
Each pattern takes all that could belong to it in one go, so that a hostile text is read only once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

MASK: Final = "***"
SECRET_KEYS: Final = (
    "password", "passwd", "passphrase", "secret", "token", "credential", "cookie", "authorization", "dsn",
    "api_key", "access_key", "private_key",
)  # fmt: skip

_DEEPEST = 64
_USER = r"://[^\s:/@?#'\"]*:"
_POSTGRES = re.compile(rf"(?P<start>postgres(?:ql)?(?:\+\w{{1,20}})?{_USER})(?P<rest>[^\s'\"]*)", re.IGNORECASE)
_AUTHORITY = re.compile(rf"(?P<start>{_USER})(?P<rest>[^\s/?#'\"]*)")
_PARAMETER = re.compile(
    r"(?P<start>\b(?:ssl)?password\s{0,9}=\s{0,9})(?:'(?:[^'\\]|\\.)*'?|[^\s&'\"]+)", re.IGNORECASE | re.DOTALL
)
_SECRET_TEXT = re.compile(
    rf"""(?ix) (?P<key> (?: {"|".join(word.replace("_", "[_-]?") for word in SECRET_KEYS)} ) [\w.-]{{0,40}}
        (?: = | ["'] \s? : \s? ) )
      (?: "(?:[^"\\]|\\.)*"? | '(?:[^'\\]|\\.)*'? | [^\s"',;&)\]}}]+ )"""
)


def looks_secret(key: str, keys: Iterable[str] = SECRET_KEYS) -> bool:
    """Say whether a key sounds like a secret: it contains one of `keys`, whatever the case and the separators."""
    return _holds(key, tuple(map(_folded, keys)))


def redact(value: Any, keys: Iterable[str] = SECRET_KEYS) -> Any:
    """Return a copy in which every value under a key that looks secret is `***`, at any depth.

    Dicts, lists and tuples are copied, everything else is shared. Cyclic values give cyclic copies.
    """
    return _redacted(value, tuple(map(_folded, keys)), {}, 0)


def mask_text(text: str) -> str:
    """Return text without the secrets that can be told by their place.

    Those are passwords in URLs (`://user:***@`) and values after a secret key (`token=***`, `"token": ***`).
    """
    return _SECRET_TEXT.sub(lambda found: f"{found['key']}{MASK}", mask_dsn(text))


def mask_dsn(text: str) -> str:
    """Return the text with every password in it replaced by `***`: a DSN, or an error that quotes one.

    Knows `scheme://user:password@host`, `?password=…` and libpq's `password=…`. Where a password holds
    characters that should have been escaped, it rather hides too much than too little.
    """
    if "@" in text:
        text = _AUTHORITY.sub(_masked_password, _POSTGRES.sub(_masked_password, text))
    return _PARAMETER.sub(rf"\g<start>{MASK}", text) if "assword" in text.lower() else text


def _masked_password(found: re.Match[str]) -> str:
    _, at, host = found["rest"].rpartition("@")
    return f"{found['start']}{MASK}@{host}" if at else found[0]


def _folded(word: str) -> str:
    return word.casefold().replace("_", "").replace("-", "").replace(" ", "")


def _holds(key: str, words: tuple[str, ...]) -> bool:
    folded = _folded(key)
    return any(word in folded for word in words)


def _redacted(value: Any, words: tuple[str, ...], copies: dict[int, Any], depth: int) -> Any:
    """Copy a value without its secrets; `copies` ends cycles, `depth` what is deeper than any payload."""
    if not isinstance(value, dict | list | tuple) or id(value) in copies:
        return copies.get(id(value), value)
    if depth > _DEEPEST:
        return MASK
    if isinstance(value, tuple):
        return tuple(_redacted(child, words, copies, depth + 1) for child in value)
    if isinstance(value, list):
        items: list[Any] = []
        copies[id(value)] = items
        items.extend(_redacted(child, words, copies, depth + 1) for child in value)
        return items
    fields: dict[Any, Any] = {}
    copies[id(value)] = fields
    for key, child in value.items():
        secret = isinstance(key, str) and _holds(key, words)
        fields[key] = MASK if secret else _redacted(child, words, copies, depth + 1)
    return fields
