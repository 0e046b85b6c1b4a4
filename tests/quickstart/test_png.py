"""Pictures, written and read with nothing but zlib, and judged by a library that reads everybody's."""

from __future__ import annotations

import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from jobq.quickstart.png import SIGNATURE, Picture, decode, encode, shrink

PICTURE = Picture(2, (b"\xff\x00\x00\x00\xff\x00", b"\x00\x00\xff\x10\x20\x30"))


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    width, height = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    row = st.binary(min_size=3 * width, max_size=3 * width)
    return Picture(width, tuple(draw(st.lists(row, min_size=height, max_size=height))))


@given(pictures())
def test_what_was_written_is_read_again(picture: Picture) -> None:
    assert decode(encode(picture)) == picture


@given(pictures())
def test_others_see_the_same_pixels(picture: Picture) -> None:
    with Image.open(io.BytesIO(encode(picture))) as image:
        image.load()

        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (picture.width, picture.height))
        assert image.tobytes() == b"".join(picture.rows)


@given(pictures(), st.integers(1, 5))
def test_each_pixel_of_a_smaller_picture_is_the_average_of_its_neighbours(picture: Picture, factor: int) -> None:
    small = shrink(picture, factor)

    assert (small.width, small.height) == (picture.width // factor, picture.height // factor)
    for y, row in enumerate(small.rows):
        for x in range(small.width):
            for channel in range(3):
                block = [
                    picture.rows[y * factor + down][3 * (x * factor + right) + channel]
                    for down in range(factor)
                    for right in range(factor)
                ]
                assert row[3 * x + channel] == sum(block) // factor**2


def _other_form() -> bytes:
    file = io.BytesIO()
    Image.new("L", (2, 2)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (b"", "no PNG file"),
        (b"GIF89a", "no PNG file"),
        (SIGNATURE, "ends too early"),
        (encode(PICTURE)[:-6], "ends too early"),
        (encode(PICTURE).replace(b"IHDR", b"IHDX"), "damaged"),
        (encode(PICTURE)[:-1] + b"\0", "damaged"),
        (_other_form(), "another form"),
    ],
)
def test_another_file_is_refused_with_the_reason(file: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        decode(file)


@pytest.mark.parametrize("pixels", [b"\0" * 7, b"\1" + b"\0" * 6 + b"\0" * 7, b""])
def test_pixels_that_do_not_fit_the_header_are_refused(pixels: bytes) -> None:
    whole = encode(Picture(2, (bytes(6), bytes(6))))
    body, packed = zlib.compress(bytes(14)), zlib.compress(pixels)
    forged = whole.replace(_chunk(body), _chunk(packed))

    with pytest.raises(ValueError, match="not what its header promises"):
        decode(forged)


def test_a_stream_that_cannot_be_unpacked_is_refused() -> None:
    whole = encode(Picture(2, (bytes(6), bytes(6))))
    forged = whole.replace(_chunk(zlib.compress(bytes(14))), _chunk(b"no zlib"))

    with pytest.raises(ValueError, match="its pixels are damaged"):
        decode(forged)


def _chunk(body: bytes) -> bytes:
    kind = b"IDAT"
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
