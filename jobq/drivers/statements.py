"""The SQL of a driver, kept in files of its own: one statement per file, named after what it does.

A statement that stands in a `.sql` file is read, explained and reviewed as SQL; no part of it is ever put
together from strings. The cost: a misspelt name is found when it is used, not by the type checker, so each
driver's tests use every statement.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable


class Statements:
    """The statements of a package, which are the files `sql/*.sql` beside its modules, read once.

    With `sql = Statements("jobq.drivers.sqlite")`, both `sql.settle` and `sql["settle"]` are the text of
    `sql/settle.sql`, comments kept. A missing one raises `AttributeError` or `KeyError`, which names what there is.
    Instead of a package's name a folder will do: tests replay a driver on an altered copy of its statements.
    """

    def __init__(self, source: str | Traversable) -> None:
        self._texts = _texts_of(files(source) / "sql" if isinstance(source, str) else source)
        # As plain attributes: a verb looks up several for every job.
        self.__dict__.update(self._texts)

    def __getattr__(self, name: str) -> str:
        """Only asked for what is not there."""
        raise AttributeError(f"there is no statement {name!r}")

    def __getitem__(self, name: str) -> str:
        try:
            return self._texts[name]
        except KeyError:
            raise KeyError(f"there is no statement {name!r}; there are: {', '.join(self._texts)}") from None

    def __iter__(self) -> Iterator[str]:
        """The names, sorted."""
        return iter(self._texts)


@cache
def statements_of(package: str) -> Statements:
    """The statements of a package, read when they are first asked for; they never change."""
    return Statements(package)


def _texts_of(folder: Traversable) -> dict[str, str]:
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return {file.name.removesuffix(".sql"): file.read_text(encoding="utf-8") for file in found}
