"""The handlers, called as any function is, and run as the command line runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import jobq
from jobq import Discard
from jobq.client import Client
from jobq.config import load_config
from jobq.errors import BadPayload, JobFailed
from jobq.plugins import load_plugins
from jobq.quickstart.handlers import Source, Thumbnail, analyse, resize
from jobq.quickstart.minimap import draw
from jobq.quickstart.png import decode, encode


@pytest.fixture
def client() -> Client:
    """Runs jobs in this process."""
    config = load_config(dsn="memory://", plugins={"modules": ["jobq.quickstart.handlers"], "allow": []}, environ={})
    return jobq.connect(config=config, plugins=load_plugins(config))


def drawing(folder: Path, text: str) -> dict[str, str]:
    """A payload of `quickstart:render`."""
    source = folder / "source.py"
    source.write_text(text)
    picture, thumbnail = folder / "pictures" / "source.png", folder / "thumbnails" / "source.png"
    return {"source": str(source), "picture": str(picture), "thumbnail": str(thumbnail)}


def test_the_plugin_brings_four_handlers_each_with_a_payload_type_and_a_timeout(client: Client) -> None:
    infos = client.registry.infos()

    assert [info.name for info in infos] == [
        "quickstart:analyse",
        "quickstart:deliver",
        "quickstart:render",
        "quickstart:resize",
    ]
    assert all(info.has_schema and info.timeout and info.description for info in infos)


def test_a_source_is_analysed(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text("def f():\n    return 1\n")

    facts = analyse(Source(path=str(path)))

    assert facts == {"lines": 2, "functions": 1, "longest": {"name": "f", "line": 1, "lines": 2}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"x = (1,\n", "'(' was never closed, line 1 of "),
        (b"x = '\xff'\n", "missing encoding declaration"),
        (b"\n\nx = '\xff'\n", "can't decode byte 0xff"),
        (b"# coding: klingon\n", "unknown encoding"),
        (b"x = '\0'\n", "null bytes"),
    ],
)
def test_a_source_that_no_retry_would_mend_is_given_up_at_once(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "bad.py"
    path.write_bytes(content)

    with pytest.raises(Discard, match=r"bad\.py") as caught:
        analyse(Source(path=str(path)))

    assert reason in caught.value.reason


def test_a_source_that_is_not_there_is_worth_another_try(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        analyse(Source(path=str(tmp_path / "gone.py")))


def test_a_picture_is_drawn_and_has_itself_made_smaller(client: Client, tmp_path: Path) -> None:
    text = "def f():\n    return 1\n" * 500
    payload = drawing(tmp_path, text)

    result = client.run("quickstart:render", payload)

    picture = decode(Path(payload["picture"]).read_bytes())
    thumbnail = decode(Path(payload["thumbnail"]).read_bytes())
    assert picture == draw(text)
    assert result == {
        "width": picture.width,
        "height": picture.height,
        "bytes": Path(payload["picture"]).stat().st_size,
    }
    assert 160 < thumbnail.width <= 320


def test_drawing_twice_leaves_the_same_and_nothing_beside_it(client: Client, tmp_path: Path) -> None:
    payload = drawing(tmp_path, "x = 1\n")
    first: Any = client.run("quickstart:render", payload)

    second: Any = client.run("quickstart:render", payload)

    assert first == second
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["source.png"]


@pytest.mark.parametrize("text", ["x = (1,\n", "x = '''\n", "  x\n y\n"])
def test_a_source_that_cannot_be_read_to_its_end_is_not_drawn(client: Client, tmp_path: Path, text: str) -> None:
    with pytest.raises(JobFailed) as caught:
        client.run("quickstart:render", drawing(tmp_path, text))

    assert caught.value.type == "Discard"
    assert not (tmp_path / "pictures").exists()


def test_a_small_picture_keeps_its_size(tmp_path: Path) -> None:
    picture, thumbnail = tmp_path / "a.png", tmp_path / "b.png"
    picture.write_bytes(encode(draw("x = 1\n")))

    resize(Thumbnail(picture=str(picture), thumbnail=str(thumbnail)))

    assert thumbnail.read_bytes() == picture.read_bytes()


def test_what_is_no_picture_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"GIF89a")

    with pytest.raises(Discard, match=r"no PNG file, .*a\.png"):
        resize(Thumbnail(picture=str(path), thumbnail=str(tmp_path / "b.png")))


def test_a_payload_that_does_not_fit_is_refused_when_it_is_enqueued(client: Client) -> None:
    with pytest.raises(BadPayload, match="path"):
        client.enqueue("quickstart:analyse", {"paht": "x.py"})
