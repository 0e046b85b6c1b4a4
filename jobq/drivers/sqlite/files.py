"""The database file: made for its owner only, and refused early when it cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

from jobq.errors import ConfigError, PermissionDenied, Unreachable

_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


def prepare(path: Path) -> Path:
    """Make the file and the folders above it where they are missing; the absolute path.

    Payloads may hold what is nobody else's business, so all that is made here belongs to its owner alone; SQLite
    gives its companion files (`-wal`, `-shm`) the same mode. What is there already is left as it is. Raises
    `PermissionDenied`, `Unreachable`, or `ConfigError` when something else is in its place.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link that people rely on
    try:
        _make_folders(absolute.parent)
        os.close(os.open(absolute, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE))
    except PermissionError as error:
        raise PermissionDenied(
            f"{absolute} cannot be written: {error.strerror}",
            hint="use a folder that belongs to this user, or name another file in the DSN",
        ) from error
    except (IsADirectoryError, NotADirectoryError, FileExistsError) as error:
        raise ConfigError(f"{absolute} cannot be a database: {error.strerror}", hint="name another file") from error
    except OSError as error:
        raise _unusable(absolute, error) from error
    _refuse_closed_folder(absolute.parent)
    return absolute


def _make_folders(folder: Path) -> None:
    if not folder.is_dir():
        _make_folders(folder.parent)
        folder.mkdir(_PRIVATE_FOLDER, exist_ok=True)


def _refuse_closed_folder(folder: Path) -> None:
    """A writable file is not enough: the log of recent changes is a file beside it."""
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionDenied(
            f"{folder} cannot be written, and SQLite keeps its log there", hint="use a folder that belongs to this user"
        )


def _unusable(path: Path, error: OSError) -> Unreachable:
    return Unreachable(f"{path} cannot be made: {error.strerror}", hint="is the disk full, or read-only?")
