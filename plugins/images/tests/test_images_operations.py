from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from jobq_images.errors import Refused
from jobq_images.operations import Optimised, Saved, convert, optimise, resize, thumbnails
from jobq_images.payload import Convert, Optimise, Resize, Thumbnail
from jobq_images.settings import Settings

LIMITS = Settings()


@pytest.fixture
def root(
    tmp_path: Path,
    photo: Image.Image,
    encoded: Callable[..., bytes],
    private_exif: Callable[[int], Image.Exif],
) -> Path:
    """A folder with `cat.jpg`, which lies on its side, and `cat.png`."""
    (tmp_path / "cat.jpg").write_bytes(encoded(photo, "JPEG", quality=95, exif=private_exif(6)))
    (tmp_path / "cat.png").write_bytes(encoded(photo, "PNG", compress_level=1))
    return tmp_path


@pytest.fixture
def settings(root: Path) -> Settings:
    return Settings(root=root)


def facts(path: Path) -> Saved:
    with Image.open(path) as image:
        return Saved(
            path=str(path),
            width=image.width,
            height=image.height,
            bytes=path.stat().st_size,
            format=(image.format or "").lower(),
        )


def test_a_resized_picture_is_what_the_answer_says(root: Path, settings: Settings) -> None:
    saved = resize(Resize(source="cat.jpg", target="small/cat.webp", width=100), settings)

    assert saved == facts(root / "small" / "cat.webp")
    assert (saved.width, saved.height, saved.format) == (100, 160, "webp")


def test_cover_cuts_off_what_overlaps(root: Path, settings: Settings) -> None:
    saved = resize(Resize(source="cat.png", target="square.png", width=50, height=50, fit="cover"), settings)

    with Image.open(root / "square.png") as image:
        corner = image.getpixel((0, 0))
    assert (saved.width, saved.height) == (50, 50)
    assert isinstance(corner, tuple)
    assert corner != (255, 0, 0)


def test_exact_stretches(root: Path, settings: Settings) -> None:
    saved = resize(Resize(source="cat.png", target="flat.png", width=300, height=20, fit="exact"), settings)

    with Image.open(root / "flat.png") as image:
        corner = image.convert("RGB").getpixel((0, 0))
    assert (saved.width, saved.height) == (300, 20)
    assert isinstance(corner, tuple)
    assert corner[0] > 200


def test_a_converted_picture_stands_upright(root: Path, settings: Settings) -> None:
    saved = convert(Convert(source="cat.jpg", target="cat.tiff"), settings)

    assert saved == facts(root / "cat.tiff")
    assert (saved.width, saved.height) == (200, 320)


def test_thumbnails_are_made_for_each_size_and_none_grows(root: Path, settings: Settings) -> None:
    asked = Thumbnail(source="cat.jpg", target="thumbs/cat-{size}.jpg", sizes=(32, 1000, 64, 64))

    made = list(thumbnails(asked, settings))

    assert [(each.width, each.height) for each in made] == [(200, 320), (40, 64), (20, 32)]
    assert made == [facts(root / "thumbs" / f"cat-{size}.jpg") for size in (1000, 64, 32)]


def test_a_thumbnail_shows_the_picture(root: Path, settings: Settings) -> None:
    list(thumbnails(Thumbnail(source="cat.jpg", target="t.png", sizes=(32,)), settings))

    with Image.open(root / "t.png") as image:
        red = image.getpixel((image.width - 2, 1))
        blue = image.getpixel((1, image.height - 2))
    assert isinstance(red, tuple)
    assert isinstance(blue, tuple)
    assert red[0] > 180 > red[2]
    assert blue[2] > 180 > blue[0]


def test_a_size_in_braces_is_replaced_and_nothing_else(root: Path, settings: Settings) -> None:
    (made,) = thumbnails(Thumbnail(source="cat.jpg", target="{size.__class__}-{size}.png", sizes=(8,)), settings)

    assert Path(made.path).name == "{size.__class__}-8.png"


def test_an_optimised_picture_replaces_its_source_once(root: Path, settings: Settings) -> None:
    before = (root / "cat.jpg").stat()

    first = optimise(Optimise(source="cat.jpg"), settings)
    between = (root / "cat.jpg").stat()
    second = optimise(Optimise(source="cat.jpg"), settings)

    assert first.saved == before.st_size - between.st_size > 0
    assert second == Optimised(path=first.path, width=200, height=320, bytes=first.bytes, format="jpeg", saved=0)
    assert (root / "cat.jpg").stat().st_mtime_ns == between.st_mtime_ns
    assert (root / "cat.jpg").stat().st_ino == between.st_ino


def test_an_optimised_picture_may_go_elsewhere(root: Path, settings: Settings) -> None:
    before = (root / "cat.png").read_bytes()

    made = optimise(Optimise(source="cat.png", target="small.png"), settings)
    again = optimise(Optimise(source="small.png", target="copy.png"), settings)

    assert (root / "cat.png").read_bytes() == before
    assert made.bytes == (root / "small.png").stat().st_size < len(before)
    assert (again.saved, (root / "copy.png").read_bytes()) == (0, (root / "small.png").read_bytes())


def test_running_twice_gives_the_same_files(root: Path, settings: Settings) -> None:
    asked = Resize(source="cat.jpg", target="a.webp", width=90)

    first = resize(asked, settings)
    content = (root / "a.webp").read_bytes()
    second = resize(asked, settings)

    assert first == second
    assert (root / "a.webp").read_bytes() == content


@pytest.mark.parametrize("target", ["cat.jpg", "./cat.jpg", "../{name}/cat.jpg"])
def test_a_picture_is_not_written_over_its_source(target: str, root: Path, settings: Settings) -> None:
    (root / "source.jpg").symlink_to("cat.jpg")
    asked = Convert(source="source.jpg", target=target.replace("{name}", root.name))

    with pytest.raises(Refused, match="is the source itself"):
        convert(asked, settings)


@pytest.mark.parametrize("path", ["../out.png", "/etc/passwd"])
def test_nothing_outside_of_the_root_is_touched(path: str, settings: Settings) -> None:
    for act in (
        lambda: resize(Resize(source=path, target="a.png", width=9), settings),
        lambda: resize(Resize(source="cat.png", target=path, width=9, format="png"), settings),
        lambda: list(thumbnails(Thumbnail(source=path, target="a.png", sizes=(9,)), settings)),
        lambda: list(thumbnails(Thumbnail(source="cat.png", target=path, sizes=(9,), format="png"), settings)),
        lambda: convert(Convert(source=path, target="a.png"), settings),
        lambda: optimise(Optimise(source=path), settings),
        lambda: optimise(Optimise(source="cat.png", target=path), settings),
    ):
        with pytest.raises(Refused, match="outside of JOBQ_IMAGES_ROOT"):
            act()


def test_a_picture_that_would_be_too_large_is_refused(root: Path) -> None:
    settings = Settings(root=root, max_pixels=64_000)

    with pytest.raises(Refused, match="401 x 251 pixels are more than the 64000"):
        resize(Resize(source="cat.png", target="a.png", width=401), settings)


def test_a_file_that_is_too_large_is_refused(root: Path) -> None:
    with pytest.raises(Refused, match="larger than 100 bytes"):
        resize(Resize(source="cat.png", target="a.png", width=9), Settings(root=root, max_bytes=100))


def test_what_is_no_picture_leaves_no_file(root: Path, settings: Settings) -> None:
    (root / "text.jpg").write_text("hello", encoding="utf-8")

    with pytest.raises(Refused, match="is not a picture"):
        convert(Convert(source="text.jpg", target="new/a.png"), settings)

    assert sorted(path.name for path in root.iterdir()) == ["cat.jpg", "cat.png", "text.jpg"]


def test_without_a_root_any_path_will_do(root: Path) -> None:
    saved = convert(Convert(source=str(root / "cat.png"), target=str(root / "cat.bmp")), LIMITS)

    assert saved == facts(root / "cat.bmp")
