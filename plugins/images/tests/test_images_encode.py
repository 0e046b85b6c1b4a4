from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import get_args

import pytest
from PIL import Image, ImageCms

from jobq_images.encode import encode, output_format
from jobq_images.errors import Refused
from jobq_images.payload import Format
from jobq_images.picture import Picture, read_picture

FORMATS: tuple[Format, ...] = get_args(Format)
LIMIT = 1_000_000
SECRET = b"52.520N-13.405E"


@pytest.fixture
def private(photo: Image.Image, encoded: Callable[..., bytes], private_exif: Callable[[int], Image.Exif]) -> Picture:
    """A photograph whose file says where it was taken, in EXIF and in a comment."""
    return read_picture(
        encoded(photo, "JPEG", exif=private_exif(6), comment=SECRET, xmp=b"<x>" + SECRET), "a", max_pixels=LIMIT
    )


def colour_at(content: bytes, place: tuple[int, int]) -> tuple[int, ...]:
    colour = Image.open(BytesIO(content)).convert("RGBA").getpixel(place)
    assert isinstance(colour, tuple)
    return colour


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK"])
def test_every_mode_can_be_written_in_every_format(format: Format, mode: str) -> None:
    image = Image.new(mode, (16, 8))
    picture = Picture(image=image, format="png", orientation=1, profile=None, exif=None)

    content = encode(picture, format, keep_metadata=False)

    written = Image.open(BytesIO(content))
    assert (written.format, written.size) == (format.upper(), (16, 8))


@pytest.mark.parametrize("format", ["jpeg", "bmp"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_becomes_white_where_nothing_can_be(format: Format, mode: str) -> None:
    image = Image.new(mode, (16, 16), 0)
    picture = Picture(image=image, format="png", orientation=1, profile=None, exif=None)

    content = encode(picture, format, keep_metadata=False)

    assert colour_at(content, (8, 8)) == (255, 255, 255, 255)


@pytest.mark.parametrize("format", ["png", "webp", "avif", "gif", "tiff"])
def test_transparency_is_kept_where_it_can_be(format: Format) -> None:
    image = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    picture = Picture(image=image, format="png", orientation=1, profile=None, exif=None)

    content = encode(picture, format, keep_metadata=False)

    assert colour_at(content, (8, 8))[3] == 0


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_private_is_written(format: Format, private: Picture) -> None:
    content = encode(private, format, keep_metadata=False)

    assert SECRET not in content
    assert b"Camera" not in content
    assert not Image.open(BytesIO(content)).getexif().get(0x010F)


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_exif_is_carried_over_when_asked_and_turns_nothing_twice(format: Format, private: Picture) -> None:
    content = encode(private, format, keep_metadata=True)

    exif = Image.open(BytesIO(content)).getexif()
    assert exif[0x010F] == "Camera"
    assert exif.get(0x0112, 1) == 1
    assert Image.open(BytesIO(content)).size == (200, 320)


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif", "tiff"])
def test_a_colour_profile_is_always_kept(format: Format, photo: Image.Image, encoded: Callable[..., bytes]) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = read_picture(encoded(photo, "PNG", icc_profile=profile), "a", max_pixels=LIMIT)

    content = encode(picture, format, keep_metadata=False)

    assert Image.open(BytesIO(content)).info["icc_profile"] == profile


def test_a_profile_for_other_colours_is_left_out(encoded: Callable[..., bytes]) -> None:
    content = encoded(Image.new("CMYK", (16, 16)), "JPEG", icc_profile=b"for four colours")
    picture = read_picture(content, "a", max_pixels=LIMIT)

    written = Image.open(BytesIO(encode(picture, "png", keep_metadata=False)))

    assert "icc_profile" not in written.info


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_quality_costs_bytes(format: Format, photo: Image.Image) -> None:
    picture = Picture(image=photo, format="png", orientation=1, profile=None, exif=None)

    sizes = [len(encode(picture, format, quality=quality, keep_metadata=False)) for quality in (20, 60, 95)]

    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_picture_gives_the_same_bytes(format: Format, photo: Image.Image) -> None:
    contents = {
        encode(
            Picture(image=photo.copy(), format="png", orientation=1, profile=None, exif=None),
            format,
            keep_metadata=False,
        )
        for _ in range(3)
    }

    assert len(contents) == 1


def test_what_a_format_cannot_hold_is_refused() -> None:
    picture = Picture(image=Image.new("RGB", (17_000, 1)), format="png", orientation=1, profile=None, exif=None)

    with pytest.raises(Refused, match="17000 x 1 cannot be webp"):
        encode(picture, "webp", keep_metadata=False)


@pytest.mark.parametrize(
    ("target", "asked", "found"),
    [
        ("a.jpg", None, "jpeg"),
        ("a.JPEG", None, "jpeg"),
        ("a.b/c.webp", None, "webp"),
        ("a.tif", "tiff", "tiff"),
        ("a", "png", "png"),
        ("a.thumb", "png", "png"),
    ],
)
def test_the_format_is_given_or_follows_from_the_target(target: str, asked: Format | None, found: Format) -> None:
    assert output_format(target, asked, None) == found


@pytest.mark.parametrize(
    ("target", "asked", "quality", "said"),
    [
        ("a", None, None, "no format is known"),
        ("a.psd", None, None, "no format is known"),
        ("a.jpg", "png", None, "ends in .jpg but the format is png"),
        ("a.png", None, 80, "`quality` means nothing to png"),
    ],
)
def test_a_format_that_makes_no_sense_is_refused(
    target: str, asked: Format | None, quality: int | None, said: str
) -> None:
    with pytest.raises(Refused, match=said):
        output_format(target, asked, quality)
