"""Pictures as PNG files, with nothing but zlib.

Decision: no Pillow. Everybody's first run must work on everybody's machine, and look the same; what real pictures
need is in the images plugin. Cost: only the one form that `encode` writes (8 bits for each of red, green and blue, no
filters) can be read again.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = 3
_HEADER = struct.Struct(">IIBBBBB")
_LENGTH = struct.Struct(">I")
_DEPTH, _TRUE_COLOUR = 8, 2


@dataclass(frozen=True)
class Picture:
    """Rows from the top; each holds a byte for red, green and blue of every pixel."""

    width: int
    rows: tuple[bytes, ...]

    @property
    def height(self) -> int:
        """How many rows there are."""
        return len(self.rows)


def encode(picture: Picture) -> bytes:
    """Return the PNG file."""
    header = _HEADER.pack(picture.width, picture.height, _DEPTH, _TRUE_COLOUR, 0, 0, 0)
    unfiltered = b"\0"
    pixels = zlib.compress(b"".join(unfiltered + row for row in picture.rows))
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def decode(file: bytes) -> Picture:
    """Read what `encode` wrote; raises `ValueError` for any other file."""
    chunks = list(_chunks(file))
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != _HEADER.size:
        raise ValueError("it has no PNG header")
    width, height, *form = _HEADER.unpack(chunks[0][1])
    if form != [_DEPTH, _TRUE_COLOUR, 0, 0, 0]:
        raise ValueError("it is a PNG of another form than the one that is written here")
    try:
        pixels = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    except zlib.error as error:
        raise ValueError(f"its pixels are damaged: {error}") from error
    stride = 1 + width * CHANNELS
    if len(pixels) != stride * height or any(pixels[::stride]):
        raise ValueError("its pixels are not what its header promises")
    return Picture(width, tuple(pixels[start + 1 : start + stride] for start in range(0, len(pixels), stride)))


def shrink(picture: Picture, factor: int) -> Picture:
    """Return a picture whose every pixel is the average of `factor` × `factor` old ones; what is left over is cut."""
    width = picture.width // factor
    bands = range(0, picture.height - factor + 1, factor)
    return Picture(width, tuple(_average(picture.rows[top : top + factor], width, factor) for top in bands))


def _average(band: tuple[bytes, ...], width: int, factor: int) -> bytes:
    """One row out of a band of rows: slices bring each pixel's neighbours side by side, so that C adds them up."""
    row = bytearray(width * CHANNELS)
    area = factor * factor
    for channel in range(CHANNELS):
        strips = [
            line[channel + CHANNELS * column : width * factor * CHANNELS : CHANNELS * factor]
            for line in band
            for column in range(factor)
        ]
        row[channel::CHANNELS] = bytes(total // area for total in map(sum, zip(*strips, strict=True)))
    return bytes(row)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return _LENGTH.pack(len(body)) + kind + body + _LENGTH.pack(zlib.crc32(kind + body))


def _chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks up to the end; a sum that does not fit is an error, like a file that stops in between."""
    if not file.startswith(SIGNATURE):
        raise ValueError("it is no PNG file")
    read = partial(_slice, memoryview(file)[len(SIGNATURE) :])
    place, kind = 0, b""
    while kind != b"IEND":
        (length,) = _LENGTH.unpack(read(place, 4))
        kind, body = read(place + 4, 4), read(place + 8, length)
        if _LENGTH.unpack(read(place + 8 + length, 4)) != (zlib.crc32(kind + body),):
            raise ValueError("it is damaged")
        yield kind, body
        place += 12 + length


def _slice(file: memoryview, start: int, length: int) -> bytes:
    part = bytes(file[start : start + length])
    if len(part) != length:
        raise ValueError("it ends too early")
    return part
