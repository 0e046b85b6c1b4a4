"""Reading attachments: files that lie under one configured folder, and nothing else.

Decided here: a path in a payload names a file of the worker's host, so whoever may enqueue could otherwise mail
`/etc/shadow` to himself. Without a root nothing can be attached. The path is resolved before it is compared, so
that neither `..` nor a symlink leads out. Only regular files are read: a pipe would block the worker for ever.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from mimetypes import guess_type
from pathlib import Path

from msgspec import Struct

from jobq_email.address import one_line
from jobq_email.errors import Refused
from jobq_email.payload import Attachment

_MIME = re.compile(r"(?!multipart/|message/)[a-z]+/[a-z0-9][a-z0-9.+-]{0,99}")
_FALLBACK = "application/octet-stream"


class File(Struct, frozen=True, kw_only=True):
    """An attachment that has been read. `content_type` is a MIME type without parameters."""

    filename: str
    content_type: str
    content: bytes


def read_attachments(wanted: Iterable[str | Attachment], root: Path | None, *, limit: int) -> tuple[File, ...]:
    """Read every attachment; together they may have `limit` bytes.

    Raises `Refused` for one that is missing, outside the root, not a regular file or too large, and `OSError`
    when a disk fails: that may pass.
    """
    files: list[File] = []
    for each in wanted:
        asked = Attachment(path=each) if isinstance(each, str) else each
        room = limit - sum(len(file.content) for file in files)
        files.append(_file(asked, _inside(asked.path, root), room, limit))
    return tuple(files)


def _inside(path: str, root: Path | None) -> Path:
    if root is None:
        raise Refused(f"cannot attach {path!r}", hint="set JOBQ_EMAIL_ATTACHMENT_ROOT to the folder they come from")
    folder = root.resolve()
    found = (folder / path).resolve()
    if not found.is_relative_to(folder):
        raise Refused(f"the attachment {path!r} lies outside of the attachment root")
    return found


def _file(asked: Attachment, path: Path, room: int, limit: int) -> File:
    filename = one_line(asked.filename or path.name, "attachment's file name")
    return File(
        filename=filename.replace("/", "_"),
        content_type=_content_type(asked, filename),
        content=_content(path, asked.path, room, limit),
    )


def _content(path: Path, name: str, room: int, limit: int) -> bytes:
    try:
        # Not blocking, because opening a named pipe waits for its other end; not following, because a link that
        # appears between the look and the opening would lead anywhere.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise Refused(f"the attachment {name!r} cannot be read: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Refused(f"the attachment {name!r} is not a regular file")
        with open(descriptor, "rb", closefd=False) as stream:
            content = stream.read(room + 1)
    finally:
        os.close(descriptor)
    if len(content) > room:
        hint = "send a link instead, or raise JOBQ_EMAIL_ATTACHMENT_LIMIT"
        raise Refused(f"with {name!r} the attachments are larger than {limit} bytes", hint=hint)
    return content


def _content_type(asked: Attachment, filename: str) -> str:
    if asked.content_type is None:
        return _guessed(filename)
    kind = asked.content_type.lower()
    if not _MIME.fullmatch(kind):
        raise Refused(f"{kind[:80]!r} is not a MIME type for a file", hint="for example application/pdf")
    return kind


def _guessed(filename: str) -> str:
    found, encoding = guess_type(filename)
    if found is None or encoding is not None or not _MIME.fullmatch(found):
        return _FALLBACK
    return found
