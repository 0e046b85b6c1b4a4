"""Where a quickstart lies, and what it leaves alone."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from jobq.errors import Conflict, InvalidValue, PermissionDenied
from jobq.quickstart.anatomy import anatomy_of
from jobq.quickstart.folder import HANDLERS, Folder


def files(path: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in path.iterdir()}


def test_it_is_made_with_settings_of_its_own(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "a" / "b")

    config = folder.make()

    assert config.dsn == f"sqlite://{tmp_path}/a/b/jobs.db"
    assert config.plugins.modules == (HANDLERS,)
    assert config.plugins.allow == ()
    assert set(files(folder.path)) == {"jobq.toml", "unfinished.py", ".gitignore"}
    assert tomllib.loads(folder.settings.read_text())["dsn"] == config.dsn


def test_settings_elsewhere_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBQ_DSN", "postgresql://prod/queue")

    config = Folder(tmp_path / "a").make()

    assert config.dsn.startswith("sqlite://")


def test_the_source_with_a_mistake_has_one(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "a")
    folder.make()

    with pytest.raises(SyntaxError, match="was never closed") as caught:
        anatomy_of(folder.unfinished.read_text())

    mended = folder.unfinished.read_text().replace(".split()\n", ".split())\n")
    assert caught.value.lineno == 9
    assert anatomy_of(mended).functions == 1


def test_a_second_making_changes_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "a")
    folder.make()
    folder.unfinished.write_text("mended = True\n")
    folder.settings.write_text(folder.settings.read_text() + "\n[worker]\nprocesses = 1\n")
    before = files(folder.path)

    config = folder.make()

    assert config.worker.processes == 1
    assert files(folder.path) == before


def test_a_folder_that_was_there_is_not_hidden_from_git(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    Folder(tmp_path).make()

    assert set(files(tmp_path)) == {"mine.txt", "jobq.toml", "unfinished.py"}


def test_somebody_elses_settings_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "jobq.toml").write_text('dsn = "postgresql://prod/queue"\n')

    with pytest.raises(Conflict, match="belongs to something else"):
        Folder(tmp_path).make()

    assert files(tmp_path) == {"jobq.toml": 'dsn = "postgresql://prod/queue"\n'}


@pytest.mark.parametrize("below", ["file", "file/deeper"])
def test_a_file_in_the_way_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(InvalidValue, match=r"file.* is not a folder"):
        Folder(tmp_path / below).make()


def test_a_place_where_nothing_can_be_written_is_named() -> None:
    with pytest.raises(PermissionDenied, match="/proc/self/nowhere"):
        Folder(Path("/proc/self/nowhere")).make()


@pytest.mark.parametrize("name", ["tab\t", "esc\x1b", "\udcff"])
def test_a_name_that_a_dsn_cannot_carry_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidValue, match="a DSN cannot name it"):
        Folder(tmp_path / name).make()

    assert not list(tmp_path.iterdir())


def test_home_may_be_written_as_a_tilde() -> None:
    assert Folder(Path("~/look")).path == Path.home() / "look"
