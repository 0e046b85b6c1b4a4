"""Which files there are, and which jobs they make."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from jobq.errors import InputMissing
from jobq.quickstart.folder import Folder
from jobq.quickstart.plan import PICTURES, make_plan
from jobq.requests import OPTION_NAMES


def library(root: Path, *sources: str) -> Path:
    for number, name in enumerate(sources):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#" * number)
    return root


def test_tests_and_what_others_installed_are_left_out(tmp_path: Path) -> None:
    root = library(tmp_path, "ast.py", "email/mime.py", "test/bad.py", "x/tests/t.py", "site-packages/q.py", "data.txt")

    plan = make_plan(root)

    assert plan.sources == (root / "ast.py", root / "email" / "mime.py")


def test_a_link_to_nowhere_is_left_out(tmp_path: Path) -> None:
    root = library(tmp_path, "ast.py")
    (root / "gone.py").symlink_to(root / "nowhere.py")

    assert make_plan(root).sources == (root / "ast.py",)


def test_the_largest_are_drawn(tmp_path: Path) -> None:
    root = library(tmp_path, *(f"m{number:02}.py" for number in range(PICTURES + 5)))

    plan = make_plan(root)

    assert [path.stem for path in plan.drawn] == [f"m{number:02}" for number in range(PICTURES + 4, 4, -1)]


def test_each_file_is_a_job_of_this_telling(tmp_path: Path) -> None:
    root = library(tmp_path / "lib", "ast.py", "email/mime.py")
    folder = Folder(tmp_path / "here")
    plan = make_plan(root)

    requests = plan.requests(folder, port=1234, tag="quickstart-1")

    payloads = [(request["name"], request["payload"]) for request in requests]
    assert ("quickstart:analyse", {"path": str(folder.unfinished)}) in payloads
    assert ("quickstart:analyse", {"path": str(root / "ast.py")}) in payloads
    assert ("quickstart:deliver", {"port": 1234, "text": plan.message}) in payloads
    assert (
        "quickstart:render",
        {
            "source": str(root / "email" / "mime.py"),
            "picture": str(folder.pictures / "email.mime.png"),
            "thumbnail": str(folder.thumbnails / "email.mime.png"),
        },
    ) in payloads
    assert all(request["tags"] == ["quickstart-1"] for request in requests)
    assert all(request.keys() <= {"name", "payload", *OPTION_NAMES} for request in requests)
    assert plan.jobs == len(requests) + len(plan.drawn)


def test_a_python_without_sources_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match=str(tmp_path)):
        make_plan(tmp_path)


def test_this_python_has_hundreds() -> None:
    plan = make_plan(Path(sysconfig.get_path("stdlib")))

    assert len(plan.sources) > 300
    assert len(plan.drawn) == PICTURES
