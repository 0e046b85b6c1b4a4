"""Files: which may be read, which may be written, and how to write one without a half-written moment.

Decided here: a path is resolved before it is compared with the root, so that neither `..` nor a symlink leads out.
A file appears under its name only when it is whole: it is written beside it under another name, brought to the
disk, and renamed. Whoever looks sees the old one or the new one, and a job that dies leaves at most a hidden
`.….tmp` behind.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from secrets import token_hex

from jobq_images.errors import Refused

_IN_THE_WAY = (FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)


def source_at(path: str, root: Path | None) -> Path:
    """The file that `path` means. Raises `Refused` when it lies outside of `root`."""
    return _inside((_base(root) / path).resolve(), path, root)


def target_at(path: str, root: Path | None) -> Path:
    """Where `path` may be written; a symlink there will be replaced, not followed.

    Raises `Refused` when it lies outside of `root` or is a folder.
    """
    asked = _base(root) / path
    found = _inside(asked.parent.resolve() / asked.name, path, root)
    if asked.name in ("", "..") or found.is_dir():
        raise Refused(f"{path!r} is a folder, not a file to write")
    return found


def read(path: Path, *, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    Raises `Refused` when it is missing, no regular file or too large, and `OSError` when the disk fails.
    """
    try:
        # Not blocking, because opening a named pipe waits for its other end; not following, because a link that
        # appears between the look and the opening would lead anywhere.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise Refused(f"{str(path)!r} cannot be read: {error.strerror}") from error
    try:
        return _content(descriptor, path, limit)
    finally:
        os.close(descriptor)


def write(path: Path, content: bytes) -> None:
    """Put a file in place at once, making its folder if need be. One that is replaced passes its mode on.

    Raises `Refused` when something is in the way, and `OSError` when the disk fails or is full.
    """
    draft = path.with_name(f".{token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_new(draft, content, _mode_of(path))
        draft.replace(path)
    except _IN_THE_WAY as error:
        raise Refused(f"{str(path)!r} cannot be written: {error.strerror}") from error
    finally:
        # However this ends, also by a time-out in between; after the renaming there is nothing left to remove.
        _remove(draft)
    _sync_folder(path.parent)


def _base(root: Path | None) -> Path:
    return Path.cwd() if root is None else root


def _inside(found: Path, path: str, root: Path | None) -> Path:
    if root is not None and not found.is_relative_to(root.resolve()):
        raise Refused(f"{path!r} lies outside of JOBQ_IMAGES_ROOT")
    return found


def _content(descriptor: int, path: Path, limit: int) -> bytes:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise Refused(f"{str(path)!r} is not a regular file")
    with open(descriptor, "rb", closefd=False) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise Refused(f"{str(path)!r} is larger than {limit} bytes", hint="raise JOBQ_IMAGES_MAX_BYTES")
    return content


def _write_new(draft: Path, content: bytes, mode: int | None) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    with os.fdopen(descriptor, "wb") as stream:
        if mode is not None:
            os.fchmod(descriptor, mode)
        stream.write(content)
        stream.flush()
        os.fsync(descriptor)


def _mode_of(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.lstat().st_mode) if path.is_file() and not path.is_symlink() else None
    except FileNotFoundError:
        return None


def _remove(draft: Path) -> None:
    try:
        draft.unlink(missing_ok=True)
    except NotADirectoryError:
        return


def _sync_folder(folder: Path) -> None:
    # Without it a power cut may undo the renaming of a job that is recorded as completed.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
