"""The story on a small library: real jobs, a real worker, a real store."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import jobq
from jobq.errors import PluginError
from jobq.quickstart.folder import Folder
from jobq.quickstart.story import Story, Style

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module", autouse=True)
def _somewhere_else(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`jobq init` writes where one stands, and jobq may be imported from the checkout."""
    with pytest.MonkeyPatch.context() as process:
        paths = [str(Path(jobq.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        process.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))
        process.chdir(tmp_path_factory.mktemp("elsewhere"))
        yield


def make_library(root: Path) -> Path:
    """Three sources, one of which is wrong in earnest."""
    (root / "email").mkdir(parents=True)
    (root / "ast.py").write_text("def parse():\n    return 1\n")
    (root / "email" / "mime.py").write_text("class Mime:\n    def read(self):\n        pass\n        pass\n")
    (root / "old.py").write_text("print 'hello'\n")
    return root


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return make_library(tmp_path / "lib")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "here")


def tell(folder: Folder, library: Path) -> dict[str, Any]:
    """Tell the story and return the document."""
    with redirect_stdout(io.StringIO()) as said:
        assert Story(folder.path, Style.JSON, root=library).tell() == 0
    document: dict[str, Any] = json.loads(said.getvalue())
    return document


@dataclass(frozen=True)
class Told:
    """A story that was told once, for all who only look at it."""

    folder: Folder
    library: Path
    document: dict[str, Any]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    place = tmp_path_factory.mktemp("told")
    folder, library = Folder(place / "here"), make_library(place / "lib")
    return Told(folder, library, tell(folder, library))


def outcome(document: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    return {line["name"]: (line["jobs"], line["completed"], line["failed"]) for line in document["lines"]}


def shell(command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as it is printed."""
    return subprocess.run(shlex.split(command), capture_output=True, text=True, check=True, timeout=50)


def test_every_file_is_a_job_and_ends(told: Told) -> None:
    assert outcome(told.document) == {
        "quickstart:analyse": (4, 2, 2),
        "quickstart:deliver": (1, 1, 0),
        "quickstart:render": (3, 3, 0),
        "quickstart:resize": (3, 3, 0),
    }
    assert told.document["waiting"] == 0
    assert told.document["longest"][0] == {"source": "email/mime.py", "name": "Mime.read", "line": 2, "lines": 3}


def test_a_failure_is_retried_for_real(told: Told) -> None:
    (retried,) = told.document["retried"]
    with jobq.connect(f"sqlite://{told.folder.store}") as client:
        job = client.get(retried["id"])
    assert job.result == {"receipt": f"received {len(job.payload['text']) + 1} bytes"}
    assert len(job.errors) == job.attempt - 1 > 0
    assert {error.type for error in job.errors} == {"ConnectionRefusedError"}


def test_mistakes_are_given_up_at_once(told: Told) -> None:
    assert [(failed["attempts"], failed["error"]) for failed in told.document["failed"]] == [
        (1, f"'(' was never closed, line 9 of {told.folder.unfinished}"),
        (1, f"Missing parentheses in call to 'print'. Did you mean print(...)?, line 1 of {told.library}/old.py"),
    ]


def test_the_pictures_are_on_the_page(told: Told) -> None:
    assert [drawn["source"] for drawn in told.document["pictures"]] == ["email/mime.py", "ast.py", "old.py"]
    assert all(Path(drawn[kind]).is_file() for drawn in told.document["pictures"] for kind in ("picture", "thumbnail"))
    assert 'href="pictures/email.mime.png"' in Path(told.document["page"]).read_text()


def test_people_get_a_table(folder: Folder, library: Path, capsys: Captured) -> None:
    Story(folder.path, Style.TABLE, root=library).tell()

    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].split() == ["handler", "jobs", "completed", "failed", "retried", "seconds"]
    assert lines[1].split()[:4] == ["quickstart:analyse", "4", "2", "2"]
    assert "found    Mime.read is the longest of 2 functions: 3 lines, email/mime.py:2" in lines
    assert "Where to look next" in lines
    assert "\x1b" not in said.out
    assert "3 sources of this Python's own library" in said.err
    assert "11 of 11 jobs (2 failed)" in said.err.splitlines()


def test_who_asks_for_ids_gets_ids(folder: Folder, library: Path, capsys: Captured) -> None:
    Story(folder.path, Style.IDS, root=library).tell()

    said = capsys.readouterr()
    with jobq.connect(f"sqlite://{folder.store}") as client:
        ids = [job.id for job in client.list().items]
    assert sorted(said.out.split()) == sorted(ids)
    assert said.err == ""


def test_colours_can_be_asked_for(folder: Folder, library: Path, capsys: Captured) -> None:
    Story(folder.path, Style.TABLE, "always", root=library).tell()

    assert "\x1b[32mdone" in capsys.readouterr().out


def test_it_can_be_told_again_where_it_was_told(folder: Folder, library: Path) -> None:
    first = tell(folder, library)
    folder.unfinished.write_text("mended = True\n")

    second = tell(folder, library)

    assert outcome(first)["quickstart:analyse"] == (4, 2, 2)
    assert outcome(second)["quickstart:analyse"] == (4, 3, 1)
    assert second["tag"] != first["tag"]
    assert folder.unfinished.read_text() == "mended = True\n"


def test_what_an_earlier_telling_left_in_line_is_finished(folder: Folder, library: Path) -> None:
    folder.make()
    with jobq.connect(f"sqlite://{folder.store}") as client:
        left = client.enqueue("quickstart:analyse", {"path": str(library / "ast.py")})

    document = tell(folder, library)

    assert outcome(document)["quickstart:analyse"] == (4, 2, 2)
    with jobq.connect(f"sqlite://{folder.store}") as client:
        assert client.get(left.id).state == "completed"


def test_the_shells_own_settings_do_not_count(folder: Folder, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBQ_DSN", "postgresql://127.0.0.1:1/prod")
    monkeypatch.setenv("JOBQ_ENABLED", "false")

    document = tell(folder, library)

    assert document["waiting"] == 0
    assert all(f"--dsn sqlite://{folder.store}" in step["commands"][0] for step in document["next"][:-1])


def test_every_printed_command_works(folder: Folder, library: Path) -> None:
    (library / "old.py").unlink()
    document = tell(folder, library)
    steps = {step["text"]: step["commands"] for step in document["next"]}
    (mend,) = (text for text in steps if text.startswith("close the bracket"))
    folder.unfinished.write_text(folder.unfinished.read_text().replace(".split()\n", ".split())\n"))

    said = {text: [shell(command).stdout for command in commands] for text, commands in steps.items() if text != mend}
    for command in steps[mend]:
        shell(command)

    (failed,) = document["failed"]
    assert failed["id"][-12:] in said["what failed for good, and why"][0]
    assert "ConnectionRefusedError" in said["one that failed at first, with its history"][0]
    with jobq.connect(f"sqlite://{folder.store}") as client:
        assert client.get(failed["id"]).result["functions"] == 1
        assert client.count(state="failed") == 0


def test_settings_that_are_wrong_are_named_before_anything_is_put_in_line(folder: Folder, library: Path) -> None:
    folder.make()
    folder.settings.write_text(folder.settings.read_text() + f'dirs = ["{library}"]\n')

    with pytest.raises(PluginError, match=r"old\.py:1: SyntaxError"):
        Story(folder.path, Style.TABLE, root=library).tell()

    assert not folder.store.exists()
