"""Taking metadata out of a file without touching the picture in it.

Decided here: `images:optimise` promises a file that is never larger and carries no metadata. Encoding again cannot
promise that: a picture that was squeezed hard before grows. So the file's own structure is walked, and only what
the picture needs is copied. What follows the end of the picture (a second one, a film, anything) is cut off.

The one thing that is kept of EXIF is which way is up, in an EXIF of its own that holds nothing else.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, Literal, assert_never

from PIL import Image

from jobq_images.errors import Refused

Strippable = Literal["jpeg", "png", "webp"]
Chunk = tuple[bytes, bytes]

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_PICTURE = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PNG_COLOURS = frozenset({b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI", b"sBIT", b"pHYs"})
_WEBP_KEPT = frozenset({b"ICCP", b"ALPH", b"VP8 ", b"VP8L"})
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04
_EXIF = b"Exif\0\0"
_UPRIGHT = 1
_MARKER, _EOI, _SOS, _COM = 0xFF, 0xD9, 0xDA, 0xFE
_APP0 = 0xE0
# Of what applications add, a decoder needs these: the colour space, the colour profile, the colour transform.
_APPLICATION = MappingProxyType({_APP0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"})
_METADATA = frozenset({*range(0xE0, 0xF0), _COM})
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})


def stripped(content: bytes, format: Strippable, orientation: int) -> bytes:
    """The same picture without metadata; never longer than `content`.

    `orientation` is what the EXIF said, 1 to 8. Raises `Refused` for a file whose structure is damaged.
    """
    match format:
        case "jpeg":
            return _jpeg(content, orientation)
        case "png":
            return _png(content, orientation)
        case "webp":
            return _webp(content, orientation)
        case _:
            assert_never(format)


def png_around(content: bytes, source: bytes) -> bytes:
    """The picture of the PNG `content` with everything around it, such as colour information, from `source`."""
    first, *rest = [chunk for chunk in _png_chunks(content) if chunk[0] in _PNG_PICTURE]
    around = [chunk for chunk in _png_chunks(source) if chunk[0] not in _PNG_PICTURE]
    return _png_of([first, *around, *rest])


def is_lossless_webp(content: bytes) -> bool:
    """True when a WebP holds its pixels as they are."""
    return any(kind == b"VP8L" for kind, _ in _webp_chunks(content))


def _jpeg(content: bytes, orientation: int) -> bytes:
    segments = list(_jpeg_segments(content))
    first = 1 if segments and segments[0][1] == _APP0 else 0  # JFIF has to come first
    turned = _jpeg_exif(orientation)
    kept = [part for part, marker in segments[first:] if _is_needed(marker, part)]
    return b"".join([b"\xff\xd8", *(part for part, _ in segments[:first]), turned, *kept, b"\xff\xd9"])


def _jpeg_segments(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Every part between the first and the last marker, each with its own; picture data belong to theirs."""
    place = 2
    while True:
        sign, marker = _unpacked(">BB", content, place)
        if sign != _MARKER:
            raise Refused("the jpeg is damaged")
        if marker == _EOI:
            return
        if marker == _MARKER:  # a fill byte
            place += 1
            continue
        end = place + 2 if marker in _ALONE else place + 2 + _unpacked(">H", content, place + 2)[0]
        end = _end_of_scan(content, end) if marker == _SOS else end
        yield content[place:end], marker
        place = end


def _end_of_scan(content: bytes, place: int) -> int:
    """Where the next marker stands that is neither a stuffed byte nor a restart."""
    while (place := content.find(b"\xff", place)) >= 0:
        (following,) = _unpacked(">B", content, place + 1)
        if following != 0 and following not in _ALONE:
            return place
        place += 2
    raise Refused("the jpeg has no end")


def _is_needed(marker: int, part: bytes) -> bool:
    body = part[4:]
    if marker in _APPLICATION:
        return body.startswith(_APPLICATION[marker])
    return marker not in _METADATA


def _jpeg_exif(orientation: int) -> bytes:
    exif = _exif(orientation)
    return b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif if exif else b""


def _png(content: bytes, orientation: int) -> bytes:
    kept = [chunk for chunk in _png_chunks(content) if chunk[0] in _PNG_PICTURE | _PNG_COLOURS]
    exif = _exif(orientation).removeprefix(_EXIF)
    return _png_of([kept[0], *([(b"eXIf", exif)] if exif else []), *kept[1:]])


def _png_chunks(content: bytes) -> Iterator[Chunk]:
    place = len(_PNG_SIGNATURE)
    kind = b""
    while kind != b"IEND":
        length, kind = _unpacked(">I4s", content, place)
        yield kind, content[place + 8 : place + 8 + length]
        place += 12 + length


def _png_of(chunks: list[Chunk]) -> bytes:
    parts = [
        struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    return b"".join([_PNG_SIGNATURE, *parts])


def _webp(content: bytes, orientation: int) -> bytes:
    kept: list[Chunk] = []
    exif = _exif(orientation).removeprefix(_EXIF)
    for kind, data in _webp_chunks(content):
        if kind == b"VP8X":
            flags = data[0] & ~(_WEBP_EXIF | _WEBP_XMP) | (_WEBP_EXIF if exif else 0)
            kept.append((kind, bytes([flags]) + data[1:]))
        elif kind in _WEBP_KEPT:
            kept.append((kind, data))
    body = b"".join(_webp_chunk(kind, data) for kind, data in [*kept, *([(b"EXIF", exif)] if exif else [])])
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _webp_chunks(content: bytes) -> Iterator[Chunk]:
    end = min(len(content), 8 + _unpacked("<I", content, 4)[0])
    place = 12
    while place + 8 <= end:
        kind, length = _unpacked("<4sI", content, place)
        yield kind, content[place + 8 : place + 8 + length]
        place += 8 + length + length % 2


def _webp_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("<4sI", kind, len(data)) + data + b"\0" * (len(data) % 2)


def _exif(orientation: int) -> bytes:
    if orientation == _UPRIGHT:
        return b""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def _unpacked(form: str, content: bytes, place: int) -> tuple[Any, ...]:
    try:
        return struct.unpack_from(form, content, place)
    except struct.error as error:
        raise Refused("the file ends in the middle of a part") from error
