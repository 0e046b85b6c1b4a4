"""The four things that can be done to a picture, as plain functions: payload in, file written, facts out.

Decided here: a picture is never written over its own source, because a second attempt would then work on the
result of the first, and lose a little more each time. Only `optimise` may, and it leaves a file alone unless
encoding it again gains 15 per cent: what it has made before does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace
from PIL.Image import Resampling

from jobq_images.encode import encode, output_format
from jobq_images.errors import Refused
from jobq_images.payload import Convert, Format, Optimise, Resize, Thumbnail
from jobq_images.picture import Picture, read_picture
from jobq_images.place import read, source_at, target_at, write
from jobq_images.settings import Settings
from jobq_images.size import Frame, Size, frame, thumbnail_frame
from jobq_images.smaller import smallest

# A JPEG is decoded at no less than twice the size that is wanted, so that the last step still smooths.
_FINE = 2


class Saved(Struct, frozen=True, kw_only=True):
    """A picture that stands in its place: the absolute path, its size in pixels and bytes, its format."""

    path: str
    width: int
    height: int
    bytes: int
    format: str


class Optimised(Struct, frozen=True, kw_only=True):
    """As `Saved`; `saved` is how many bytes the file is smaller than its source."""

    path: str
    width: int
    height: int
    bytes: int
    format: str
    saved: int


def resize(asked: Resize, settings: Settings) -> Saved:
    """Make the picture another size. Raises `Refused`, or `OSError` when the disk fails."""
    format = output_format(asked.target, asked.format, asked.quality)
    source, target = _places(asked.source, asked.target, settings)
    picture = _read(source, settings)
    resized = _framed(picture, frame(picture.image.size, asked.width, asked.height, asked.fit), settings)
    content = encode(resized, format, quality=asked.quality, keep_metadata=asked.keep_metadata)
    return _save(target, content, resized.image.size, format)


def convert(asked: Convert, settings: Settings) -> Saved:
    """Write the picture in another format. Raises `Refused`, or `OSError` when the disk fails."""
    format = output_format(asked.target, asked.format, asked.quality)
    source, target = _places(asked.source, asked.target, settings)
    picture = _read(source, settings)
    content = encode(picture, format, quality=asked.quality, keep_metadata=asked.keep_metadata)
    return _save(target, content, picture.image.size, format)


def thumbnails(asked: Thumbnail, settings: Settings) -> Iterator[Saved]:
    """Write a thumbnail for each size, from the largest down; the picture is decoded once.

    Raises `Refused`, or `OSError` when the disk fails.
    """
    format = output_format(asked.target, asked.format, asked.quality)
    sizes = sorted(set(asked.sizes), reverse=True)
    targets = [_places(asked.source, asked.target.replace("{size}", str(size)), settings)[1] for size in sizes]
    source = source_at(asked.source, settings.root)
    content = read(source, limit=settings.max_bytes)
    near = sizes[0] * _FINE
    picture = read_picture(content, str(source), max_pixels=settings.max_pixels, first_frame=True, near=near)
    for size, target in zip(sizes, targets, strict=True):
        small = _framed(picture, thumbnail_frame(picture.image.size, size), settings)
        encoded = encode(small, format, quality=asked.quality, keep_metadata=False)
        yield _save(target, encoded, small.image.size, format)


def optimise(asked: Optimise, settings: Settings) -> Optimised:
    """Write the picture in fewer bytes, or as it is when there are none to save.

    Raises `Refused`, or `OSError` when the disk fails.
    """
    source = source_at(asked.source, settings.root)
    target = source if asked.target is None else target_at(asked.target, settings.root)
    content = read(source, limit=settings.max_bytes)
    picture = read_picture(content, str(source), max_pixels=settings.max_pixels)
    smaller = smallest(content, picture, quality=asked.quality, keep_metadata=asked.keep_metadata)
    if target != source or smaller != content:
        write(target, smaller)
    width, height = picture.image.size
    return Optimised(
        path=str(target),
        width=width,
        height=height,
        bytes=len(smaller),
        format=picture.format,
        saved=len(content) - len(smaller),
    )


def _places(source: str, target: str, settings: Settings) -> tuple[Path, Path]:
    found, place = source_at(source, settings.root), target_at(target, settings.root)
    if found == place:
        raise Refused(f"{target!r} is the source itself", hint="a second attempt would work on the result of the first")
    return found, place


def _read(source: Path, settings: Settings) -> Picture:
    content = read(source, limit=settings.max_bytes)
    return read_picture(content, str(source), max_pixels=settings.max_pixels)


def _framed(picture: Picture, wanted: Frame, settings: Settings) -> Picture:
    width, height = wanted.size
    if width * height > settings.max_pixels:
        said = f"{width} x {height} pixels are more than the {settings.max_pixels} that are allowed"
        raise Refused(said, hint="raise JOBQ_IMAGES_MAX_PIXELS")
    return replace(picture, image=picture.image.resize(wanted.size, Resampling.LANCZOS, box=wanted.part))


def _save(target: Path, content: bytes, size: Size, format: Format) -> Saved:
    write(target, content)
    return Saved(path=str(target), width=size[0], height=size[1], bytes=len(content), format=format)
