"""Commands that work as they are printed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from jobq.quickstart.commands import Commands, program, shorter
from jobq.quickstart.folder import Folder


def test_a_command_names_the_folders_settings_as_one_would_type_them(tmp_path: Path) -> None:
    commands = Commands(Folder(tmp_path / "q"), tmp_path, ["jobq"], {})

    assert commands.on_store("failed", "list") == "jobq failed list --config q/jobq.toml"
    assert commands.anywhere("init") == "jobq init"


@pytest.mark.parametrize("variable", ["JOBQ_DSN", "JOBQ_DSN_FILE"])
def test_a_dsn_in_the_environment_is_outdone(tmp_path: Path, variable: str) -> None:
    commands = Commands(Folder(tmp_path / "q"), tmp_path, ["jobq"], {variable: "postgresql://prod/queue"})

    assert commands.on_store("stats") == f"jobq stats --config q/jobq.toml --dsn sqlite://{tmp_path}/q/jobs.db"


def test_what_a_shell_would_take_apart_is_quoted(tmp_path: Path) -> None:
    commands = Commands(Folder(tmp_path / "q$HOME"), tmp_path, ["./a b/jobq"], {})

    assert commands.on_store("stats") == "'./a b/jobq' stats --config 'q$HOME/jobq.toml'"


def script(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def test_a_program_on_the_path_is_called_by_its_name(tmp_path: Path) -> None:
    called = script(tmp_path / "bin" / "jobq")

    assert program([str(called)], tmp_path, {"PATH": str(called.parent)}) == ["jobq"]


def test_a_program_beside_another_one_on_the_path_is_called_by_its_own_path(tmp_path: Path) -> None:
    other, called = script(tmp_path / "bin" / "jobq"), script(tmp_path / ".venv" / "bin" / "jobq")

    assert program([str(called)], tmp_path, {"PATH": str(other.parent)}) == [".venv/bin/jobq"]


def test_a_program_in_this_very_folder_is_called_from_it(tmp_path: Path) -> None:
    called = script(tmp_path / "jobq")

    assert program([str(called)], tmp_path, {"PATH": ""}) == ["./jobq"]


def test_a_module_is_called_as_one(tmp_path: Path) -> None:
    executable = Path(sys.executable)

    command = program(["/somewhere/jobq/__main__.py"], tmp_path, {"PATH": str(executable.parent)})

    assert command == [executable.name, "-m", "jobq"]


def test_a_path_is_written_the_shorter_way() -> None:
    assert shorter(Path("/home/me/q"), Path("/home/me")) == "q"
    assert shorter(Path("/tmp/q"), Path("/home/me/deep/below")) == "/tmp/q"
