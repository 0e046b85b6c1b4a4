"""The same picture and format, in fewer bytes.

Decided here: two candidates. The file without its metadata is never larger and loses nothing. The picture encoded
again is taken when it is smaller: at once where encoding is lossless, and where it is lossy only from a gain of 15
per cent on, and only if a second time would not gain as much again (low WebP qualities do). So a picture that was
optimised before is left alone, and does not get a little worse at each attempt.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType

from jobq_images.encode import encode, save
from jobq_images.errors import Refused
from jobq_images.picture import Picture, open_as_it_is, read_picture
from jobq_images.strip import Strippable, is_lossless_webp, png_around, stripped

_FORMATS: Mapping[str, Strippable] = MappingProxyType({"jpeg": "jpeg", "png": "png", "webp": "webp"})
_LOSSY_GAIN = 0.85
_PALETTE = 3
_EIGHT_BITS = 8


def smallest(content: bytes, picture: Picture, *, quality: int, keep_metadata: bool) -> bytes:
    """The shortest form of the file `content`, which `picture` was read from; never longer.

    `quality` is 1 to 100, for lossy pictures. Raises `Refused` for other formats than JPEG, PNG and WebP, and for
    a file so unusual that its shorter form would be another picture.
    """
    format = _FORMATS.get(picture.format)
    if format is None:
        raise Refused(f"a picture in the format {picture.format} cannot be optimised", hint="convert it first")
    kept = content if keep_metadata else stripped(content, format, picture.orientation)
    if _is_lossy(kept, format):
        again = _lossy(kept, picture, format, quality, keep_metadata=keep_metadata)
        return again or _same(kept, picture)
    again = _lossless(kept, picture, format, keep_metadata=keep_metadata)
    return _same(again if again and len(again) < len(kept) else kept, picture)


def _is_lossy(content: bytes, format: Strippable) -> bool:
    return format == "jpeg" or (format == "webp" and not is_lossless_webp(content))


def _lossy(kept: bytes, picture: Picture, format: Strippable, quality: int, *, keep_metadata: bool) -> bytes | None:
    first = encode(picture, format, quality=quality, keep_metadata=keep_metadata)
    if len(first) >= len(kept) * _LOSSY_GAIN:
        return None
    second = encode(_reread(first, picture), format, quality=quality, keep_metadata=keep_metadata)
    return first if len(second) >= len(first) * _LOSSY_GAIN else None


def _lossless(kept: bytes, picture: Picture, format: Strippable, *, keep_metadata: bool) -> bytes | None:
    if format == "webp":
        return encode(picture, format, keep_metadata=keep_metadata, lossless=True)
    return _png_again(kept)


def _same(content: bytes, picture: Picture) -> bytes:
    """`content`, if it shows the very same picture: it may be about to replace the only copy."""
    if _reread(content, picture).image != picture.image:
        raise Refused("optimising would change the picture; it is left as it is")
    return content


def _reread(content: bytes, picture: Picture) -> Picture:
    made = read_picture(content, "the optimised picture", max_pixels=picture.image.width * picture.image.height)
    if made.image.size != picture.image.size:
        raise Refused("optimising would change the picture; it is left as it is")
    return made


def _png_again(kept: bytes) -> bytes | None:
    depth, colour = struct.unpack_from("BB", kept, 24)
    # Pillow reads other depths at eight bits: what it writes would be another picture.
    if depth != _EIGHT_BITS and colour != _PALETTE:
        return None
    image = open_as_it_is(kept)
    return png_around(save(image, "png", {"optimize": True, "icc_profile": None}), kept)
