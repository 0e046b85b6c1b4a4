from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import jobq
from jobq.errors import BadPayload
from jobq.plugins import load_plugins


@pytest.fixture
def root(tmp_path: Path, photo: Image.Image, encoded: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The handlers' root, with `cat.jpg` in it."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(encoded(photo, "JPEG", quality=95))
    monkeypatch.setenv("JOBQ_IMAGES_ROOT", str(folder))
    return folder


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[jobq.Client]:
    """A queue that runs a job, with all its attempts, where it is enqueued."""
    config = jobq.load_config(environ={}, cwd=tmp_path, dsn="sync://", plugins={"modules": ["jobq_images.handlers"]})
    with jobq.connect(config=config, plugins=load_plugins(config)) as client:
        yield client


def test_a_picture_is_resized(queue: jobq.Client, root: Path) -> None:
    job = queue.enqueue("images:resize", {"source": "cat.jpg", "target": "cat.webp", "width": 80})

    path = root / "cat.webp"
    assert (job.state, job.queue) == ("completed", "images")
    assert job.result == {
        "path": str(path),
        "width": 80,
        "height": 50,
        "bytes": path.stat().st_size,
        "format": "webp",
    }


def test_thumbnails_are_made_with_progress(queue: jobq.Client, root: Path) -> None:
    job = queue.enqueue("images:thumbnail", {"source": "cat.jpg", "target": "cat-{size}.png", "sizes": [16, 64]})

    assert [Path(each["path"]).name for each in job.result["thumbnails"]] == ["cat-64.png", "cat-16.png"]
    assert job.progress is not None
    assert job.progress.percent == 100
    assert all((root / f"cat-{size}.png").is_file() for size in (16, 64))


def test_a_picture_is_converted(queue: jobq.Client, root: Path) -> None:
    job = queue.enqueue("images:convert", {"source": "cat.jpg", "target": "cat.png"})

    assert (job.result["format"], job.result["width"], job.result["height"]) == ("png", 320, 200)
    assert (root / "cat.png").is_file()


def test_a_picture_is_optimised_in_its_place(queue: jobq.Client, root: Path) -> None:
    before = (root / "cat.jpg").stat().st_size

    job = queue.enqueue("images:optimise", {"source": "cat.jpg"})

    assert job.result["bytes"] == (root / "cat.jpg").stat().st_size == before - job.result["saved"] < before


@pytest.mark.parametrize(
    ("name", "payload", "said"),
    [
        ("images:resize", {"source": "gone.jpg", "target": "a.png", "width": 9}, "No such file"),
        ("images:resize", {"source": "../cat.jpg", "target": "a.png", "width": 9}, "outside of JOBQ_IMAGES_ROOT"),
        ("images:convert", {"source": "text.jpg", "target": "a.png"}, "is not a picture"),
        ("images:convert", {"source": "cat.jpg", "target": "a.psd"}, "no format is known"),
        ("images:thumbnail", {"source": "cat.jpg", "target": "cat.jpg", "sizes": [9]}, "the source itself"),
        ("images:optimise", {"source": "text.jpg"}, "is not a picture"),
    ],
)
def test_what_can_never_work_ends_the_job_at_once(
    name: str, payload: dict[str, Any], said: str, queue: jobq.Client, root: Path
) -> None:
    (root / "text.jpg").write_text("hello", encoding="utf-8")

    job = queue.enqueue(name, payload)

    assert (job.state, job.reason, job.attempt) == ("failed", "discarded", 1)
    assert said in job.errors[0].message


def test_a_payload_that_makes_no_sense_is_refused_when_it_is_enqueued(queue: jobq.Client) -> None:
    with pytest.raises(BadPayload, match="`width`, `height` or both"):
        queue.enqueue("images:resize", {"source": "a.jpg", "target": "b.jpg"})


def test_a_root_that_is_missing_is_named_and_retried(
    queue: jobq.Client, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBQ_IMAGES_ROOT", str(root / "gone"))

    job = queue.enqueue("images:convert", {"source": "cat.jpg", "target": "cat.png"})

    assert (job.state, job.reason, job.attempt) == ("failed", "exhausted", 3)
    assert "JOBQ_IMAGES_ROOT" in job.errors[0].message
