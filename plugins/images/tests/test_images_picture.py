from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from jobq_images.errors import Refused
from jobq_images.picture import READABLE, read_picture

LIMIT = 1_000_000


@pytest.fixture
def frames() -> list[Image.Image]:
    return [Image.new("RGB", (20, 10), colour) for colour in ("red", "green", "blue")]


@pytest.mark.parametrize("format", READABLE)
def test_every_readable_format_is_read(format: str, photo: Image.Image, encoded: Callable[..., bytes]) -> None:
    picture = read_picture(encoded(photo, format), "a", max_pixels=LIMIT)

    assert (picture.image.size, picture.image.mode, picture.format) == ((320, 200), "RGB", format.lower())
    assert picture.image.info == {}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright(
    orientation: int, photo: Image.Image, encoded: Callable[..., bytes], private_exif: Callable[[int], Image.Exif]
) -> None:
    content = encoded(photo, "JPEG", quality=95, exif=private_exif(orientation))

    picture = read_picture(content, "a", max_pixels=LIMIT)

    assert picture.orientation == orientation
    assert picture.image.size == ((320, 200) if orientation < 5 else (200, 320))
    corners = {1: (5, 5), 2: (315, 5), 3: (315, 195), 4: (5, 195), 5: (5, 5), 6: (195, 5), 7: (195, 315), 8: (5, 315)}
    red = picture.image.getpixel(corners[orientation])
    assert isinstance(red, tuple)
    assert red[0] > 200
    assert red[2] < 60


@pytest.mark.parametrize(
    ("mode", "format", "plain"),
    [
        ("1", "PNG", "L"),
        ("L", "PNG", "L"),
        ("LA", "PNG", "LA"),
        ("P", "PNG", "RGB"),
        ("P", "GIF", "RGB"),
        ("RGBA", "PNG", "RGBA"),
        ("I;16", "PNG", "L"),
        ("CMYK", "JPEG", "CMYK"),
        ("CMYK", "TIFF", "CMYK"),
        ("LAB", "TIFF", "RGB"),
        ("YCbCr", "TIFF", "RGB"),
    ],
)
def test_every_colour_mode_becomes_a_plain_one(
    mode: str, format: str, plain: str, encoded: Callable[..., bytes]
) -> None:
    picture = read_picture(encoded(Image.new(mode, (8, 8)), format), "a", max_pixels=LIMIT)

    assert picture.image.mode == plain


def test_sixteen_bits_are_scaled_and_not_cut_off(encoded: Callable[..., bytes]) -> None:
    image = Image.new("I;16", (2, 1))
    image.putpixel((0, 0), 0x8000)
    image.putpixel((1, 0), 0xFFFF)

    picture = read_picture(encoded(image, "PNG"), "a", max_pixels=LIMIT)

    assert [picture.image.getpixel((place, 0)) for place in (0, 1)] == [128, 255]


def test_transparency_of_a_palette_is_kept(encoded: Callable[..., bytes]) -> None:
    image = Image.new("P", (8, 8), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])

    picture = read_picture(encoded(image, "PNG", transparency=0), "a", max_pixels=LIMIT)

    assert (picture.image.mode, picture.image.getpixel((0, 0))) == ("RGBA", (255, 0, 0, 0))


def test_a_picture_over_the_limit_is_refused_before_it_is_decoded(
    photo: Image.Image, encoded: Callable[..., bytes]
) -> None:
    content = encoded(photo, "PNG")[:60]

    with pytest.raises(Refused, match="320 x 200 pixels, more than the 63999"):
        read_picture(content, "a", max_pixels=63_999)


def test_a_bomb_is_refused() -> None:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1_000_000), 9)), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )

    with pytest.raises(Refused, match="decompression bomb"):
        read_picture(content, "a", max_pixels=LIMIT)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"8BPS\0\1"])
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(Refused, match=r"'a' (is not a picture|cannot be decoded)"):
        read_picture(content, "a", max_pixels=LIMIT)


@pytest.mark.parametrize("format", READABLE)
def test_a_picture_that_ends_too_early_is_refused(
    format: str, photo: Image.Image, encoded: Callable[..., bytes]
) -> None:
    content = encoded(photo, format)

    with pytest.raises(Refused):
        read_picture(content[: len(content) // 2], "a", max_pixels=LIMIT)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow tells of what it could mend
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_damage_of_any_kind_is_refused_or_bearable(
    data: st.DataObject, photo: Image.Image, encoded: Callable[..., bytes]
) -> None:
    format = data.draw(st.sampled_from(READABLE))
    content = bytearray(encoded(photo.resize((32, 20)), format))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))

    try:
        picture = read_picture(bytes(content), "a", max_pixels=LIMIT)
    except Refused:
        return

    assert picture.image.width * picture.image.height <= LIMIT


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_a_moving_picture_is_refused_unless_its_first_frame_will_do(
    format: str, frames: list[Image.Image], encoded: Callable[..., bytes]
) -> None:
    content = encoded(frames[0], format, save_all=True, append_images=frames[1:])

    with pytest.raises(Refused, match="has 3 frames"):
        read_picture(content, "a", max_pixels=LIMIT)
    picture = read_picture(content, "a", max_pixels=LIMIT, first_frame=True)
    red = picture.image.convert("RGB").getpixel((5, 5))
    assert isinstance(red, tuple)
    assert red[0] > 200


def test_a_phones_jpeg_with_a_second_picture_counts_as_one(
    frames: list[Image.Image], encoded: Callable[..., bytes]
) -> None:
    content = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])

    picture = read_picture(content, "a", max_pixels=LIMIT)

    assert (picture.format, picture.image.size) == ("jpeg", (20, 10))


def test_a_jpeg_may_be_decoded_smaller(encoded: Callable[..., bytes], photo: Image.Image) -> None:
    content = encoded(photo.resize((1600, 1000)), "JPEG")

    picture = read_picture(content, "a", max_pixels=10_000_000, near=200)

    assert picture.image.size == (400, 250)


def test_a_mode_that_is_no_photograph_is_refused(encoded: Callable[..., bytes]) -> None:
    with pytest.raises(Refused, match="colour mode F"):
        read_picture(encoded(Image.new("F", (8, 8)), "TIFF"), "a", max_pixels=LIMIT)
