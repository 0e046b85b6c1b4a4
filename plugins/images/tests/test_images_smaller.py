from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from jobq_images.errors import Refused
from jobq_images.picture import read_picture
from jobq_images.smaller import smallest
from jobq_images.strip import Strippable, stripped

LIMIT = 1_000_000
SECRET = b"52.520N-13.405E"
STRIPPABLE: list[Strippable] = ["jpeg", "png", "webp"]

Private = Callable[..., bytes]


@pytest.fixture
def private(photo: Image.Image, encoded: Callable[..., bytes], private_exif: Callable[[int], Image.Exif]) -> Private:
    """The photograph as a file that says where it was taken, in every way that its format has."""

    def make(format: Strippable, orientation: int = 1, **options: Any) -> bytes:
        info = PngImagePlugin.PngInfo()
        info.add_text("Comment", SECRET.decode())
        info.add_itxt("XML:com.adobe.xmp", SECRET.decode(), zip=True)
        more: dict[str, dict[str, Any]] = {
            "png": {"pnginfo": info},
            "webp": {"xmp": SECRET},
            "jpeg": {"comment": SECRET, "xmp": SECRET},
        }
        return encoded(photo, format, **{"exif": private_exif(orientation), **more[format], **options})

    return make


def small(content: bytes, quality: int = 85, *, keep_metadata: bool = False) -> bytes:
    picture = read_picture(content, "a", max_pixels=LIMIT)
    return smallest(content, picture, quality=quality, keep_metadata=keep_metadata)


def pixels(content: bytes) -> bytes:
    return read_picture(content, "a", max_pixels=LIMIT).image.convert("RGBA").tobytes()


@pytest.mark.parametrize("format", STRIPPABLE)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_stripping_takes_what_is_private_and_leaves_the_picture(
    format: Strippable, orientation: int, private: Private
) -> None:
    content = private(format, orientation)

    without = stripped(content, format, orientation)

    assert SECRET in content or format == "png"
    assert SECRET not in without
    assert b"Camera" not in without
    assert len(without) < len(content)
    assert pixels(without) == pixels(content)


@pytest.mark.parametrize("format", STRIPPABLE)
def test_stripping_twice_changes_nothing_more(format: Strippable, private: Private) -> None:
    once = stripped(private(format, 6), format, 6)

    assert stripped(once, format, 6) == once


@pytest.mark.parametrize("format", STRIPPABLE)
def test_stripping_keeps_the_colour_profile(format: Strippable, private: Private) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = private(format, icc_profile=profile)

    without = stripped(content, format, 1)

    assert Image.open(BytesIO(without)).info["icc_profile"] == profile


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 0}])
def test_stripping_understands_every_kind_of_jpeg(options: dict[str, object], private: Private) -> None:
    content = private("jpeg", **options)

    assert pixels(stripped(content, "jpeg", 1)) == pixels(content)


def test_stripping_cuts_off_what_follows_the_picture(private: Private) -> None:
    for format in STRIPPABLE:
        assert SECRET not in stripped(private(format) + b"film:" + SECRET, format, 1)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_stripping_keeps_the_colours_of_every_kind_of_jpeg(
    mode: str, photo: Image.Image, encoded: Callable[..., bytes]
) -> None:
    content = encoded(photo.convert(mode), "JPEG", comment=SECRET)

    assert pixels(stripped(content, "jpeg", 1)) == pixels(content)


@pytest.mark.parametrize("format", STRIPPABLE)
def test_a_file_that_is_cut_off_cannot_be_stripped(format: Strippable, private: Private) -> None:
    content = private(format)

    with pytest.raises(Refused):
        stripped(content[:20] if format != "webp" else content[:6], format, 1)


@pytest.mark.parametrize("format", STRIPPABLE)
@pytest.mark.parametrize("quality", [10, 50, 85, 100])
@pytest.mark.parametrize("orientation", [1, 6])
def test_the_result_is_smaller_and_holds_nothing_private(
    format: Strippable, quality: int, orientation: int, private: Private
) -> None:
    content = private(format, orientation)

    result = small(content, quality)

    picture = read_picture(result, "a", max_pixels=LIMIT)
    assert len(result) < len(content)
    assert SECRET not in result
    assert b"Camera" not in result
    assert (picture.format, picture.image.size) == (format, (320, 200) if orientation == 1 else (200, 320))


@pytest.mark.parametrize("format", STRIPPABLE)
@pytest.mark.parametrize("before", [5, 60, 95])
@pytest.mark.parametrize("quality", [10, 30, 85, 95])
def test_a_second_time_changes_nothing(
    format: Strippable, before: int, quality: int, photo: Image.Image, encoded: Callable[..., bytes]
) -> None:
    once = small(encoded(photo, format, quality=before), quality)

    assert small(once, quality) == once


@pytest.mark.parametrize("format", STRIPPABLE)
def test_a_picture_that_was_squeezed_hard_does_not_grow(
    format: Strippable, photo: Image.Image, encoded: Callable[..., bytes]
) -> None:
    content = encoded(photo, format, quality=5, optimize=True)

    assert len(small(content, 95)) <= len(content)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_png_loses_nothing(mode: str, photo: Image.Image, encoded: Callable[..., bytes]) -> None:
    content = encoded(photo.convert("L").convert(mode), "PNG", compress_level=1)

    result = small(content)

    assert len(result) <= len(content)
    assert Image.open(BytesIO(result)).mode == Image.open(BytesIO(content)).mode
    assert pixels(result) == pixels(content)


def test_a_png_with_a_transparent_palette_loses_nothing(encoded: Callable[..., bytes], photo: Image.Image) -> None:
    content = encoded(photo.quantize(16), "PNG", transparency=3, compress_level=1)

    result = small(content)

    assert len(result) < len(content)
    assert pixels(result) == pixels(content)


def test_a_lossless_webp_stays_lossless(encoded: Callable[..., bytes], photo: Image.Image) -> None:
    image = photo.convert("RGBA")
    image.putalpha(Image.radial_gradient("L").resize(image.size))
    content = encoded(image, "WEBP", lossless=True, exact=True, method=0, quality=0)

    result = small(content)

    assert len(result) < len(content)
    assert pixels(result) == pixels(content)


@pytest.mark.parametrize("format", STRIPPABLE)
def test_metadata_stay_when_asked(format: Strippable, private: Private) -> None:
    content = private(format)

    result = small(content, 100, keep_metadata=True)

    assert len(result) <= len(content)
    assert Image.open(BytesIO(result)).getexif()[0x010F] == "Camera"


def test_colour_information_of_a_png_is_kept(encoded: Callable[..., bytes], photo: Image.Image) -> None:
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", (45455).to_bytes(4, "big"))
    content = encoded(photo, "PNG", pnginfo=info, compress_level=1)

    result = small(content)

    assert len(result) < len(content)
    assert Image.open(BytesIO(result)).info["gamma"] == 0.45455


def test_a_webp_that_could_move_is_not_replaced_by_half_of_it(encoded: Callable[..., bytes]) -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "green")]
    content = bytearray(encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    last = content.rindex(b"ANMF")
    content[4:8] = (last - 8).to_bytes(4, "little")

    with pytest.raises(Refused):
        small(bytes(content[:last]))


@pytest.mark.parametrize("format", ["GIF", "TIFF", "BMP", "AVIF"])
def test_other_formats_are_not_optimised(format: str, encoded: Callable[..., bytes], photo: Image.Image) -> None:
    with pytest.raises(Refused, match="cannot be optimised"):
        small(encoded(photo, format))
