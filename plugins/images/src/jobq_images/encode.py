"""From a picture to bytes in a format.

Decided here: a picture is given the colour mode that its new format knows, and transparency that the format cannot
hold becomes white, because black is what nobody expects. Nothing of the source's metadata is written but its
colour profile, without which the colours would be others; EXIF only when it is handed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, get_args

from msgspec import Struct
from PIL import Image, features

from jobq_images.errors import Refused
from jobq_images.payload import Format
from jobq_images.picture import Picture

_WHITE = (255, 255, 255, 255)
_SUFFIXES: Mapping[str, Format] = MappingProxyType(
    {
        ".jpg": "jpeg",
        ".jpeg": "jpeg",
        ".jpe": "jpeg",
        ".png": "png",
        ".webp": "webp",
        ".avif": "avif",
        ".gif": "gif",
        ".tif": "tiff",
        ".tiff": "tiff",
        ".bmp": "bmp",
    }
)


class _Encoding(Struct, frozen=True, kw_only=True):
    """How a format is written: its colour modes, Pillow's options, and the quality if it has one."""

    modes: frozenset[str]
    options: Mapping[str, Any] = {}
    quality: int | None = None
    takes_exif: bool = False


_ENCODINGS: Mapping[Format, _Encoding] = MappingProxyType(
    {
        "jpeg": _Encoding(
            modes=frozenset({"L", "RGB", "CMYK"}),
            options={"optimize": True, "progressive": True},
            quality=85,
            takes_exif=True,
        ),
        "png": _Encoding(modes=frozenset({"L", "LA", "RGB", "RGBA"}), options={"optimize": True}, takes_exif=True),
        "webp": _Encoding(modes=frozenset({"RGB", "RGBA"}), quality=80, takes_exif=True),
        "avif": _Encoding(modes=frozenset({"RGB", "RGBA"}), quality=70, takes_exif=True),
        "gif": _Encoding(modes=frozenset({"L", "RGB", "RGBA"})),
        "tiff": _Encoding(
            modes=frozenset({"L", "LA", "RGB", "RGBA", "CMYK"}), options={"compression": "tiff_adobe_deflate"}
        ),
        "bmp": _Encoding(modes=frozenset({"L", "RGB"})),
    }
)


def output_format(target: str, asked: Format | None, quality: int | None) -> Format:
    """The format to write: what was asked for, or what the target ends in.

    Raises `Refused` when there is neither, when they contradict each other, when this Pillow cannot write it, and
    for a `quality` that the format does not have.
    """
    suffix = PurePath(target).suffix.lower()
    ending = _SUFFIXES.get(suffix)
    found = asked or ending
    if found is None:
        raise Refused(f"no format is known for {target!r}", hint=f"give `format`: {', '.join(get_args(Format))}")
    if ending is not None and ending != found:
        raise Refused(f"{target!r} ends in {suffix} but the format is {found}", hint="leave one of them out")
    if found == "avif" and not features.check("avif"):
        raise Refused("this installation of Pillow cannot write AVIF", hint="upgrade Pillow, or use webp")
    if quality is not None and _ENCODINGS[found].quality is None:
        raise Refused(f"`quality` means nothing to {found}", hint="leave it out, or use jpeg, webp or avif")
    return found


def encode(
    picture: Picture, format: Format, *, keep_metadata: bool, quality: int | None = None, lossless: bool = False
) -> bytes:
    """The picture's bytes. Without `quality` (1 to 100) the format's own default is used.

    `lossless` is for WebP, and keeps even the colours of what is transparent.

    Raises `Refused` for what the format cannot hold, such as a side over 16,383 pixels in WebP.
    """
    encoding = _ENCODINGS[format]
    image = _in_a_mode_of(picture.image, encoding)
    options = {**encoding.options}
    if encoding.quality is not None:
        options["quality"] = quality or encoding.quality
    if lossless:
        options |= {"lossless": True, "exact": True, "quality": 100}
    if picture.profile is not None and _is_of_one_kind(picture.image.mode, image.mode):
        options["icc_profile"] = picture.profile
    if keep_metadata and encoding.takes_exif and picture.exif is not None:
        options["exif"] = picture.exif
    return save(image, format, options)


def save(image: Image.Image, format: Format, options: Mapping[str, Any]) -> bytes:
    """The image as bytes, by Pillow. Raises `Refused` when the format cannot hold it."""
    stream = BytesIO()
    try:
        image.save(stream, format, **options)
    except (OSError, ValueError, KeyError, OverflowError) as error:
        # The bytes go to memory, so that no disk is among these.
        raise Refused(f"a picture of {image.width} x {image.height} cannot be {format}: {str(error)[:200]}") from error
    return stream.getvalue()


def _in_a_mode_of(image: Image.Image, encoding: _Encoding) -> Image.Image:
    if image.mode in encoding.modes:
        return image
    if image.mode not in ("LA", "RGBA"):
        return image.convert("RGB")
    return image.convert("RGBA") if "RGBA" in encoding.modes else _on_white(image)


def _on_white(image: Image.Image) -> Image.Image:
    canvas = Image.new("RGBA", image.size, _WHITE)
    canvas.alpha_composite(image.convert("RGBA"))
    return canvas.convert("L" if image.mode == "LA" else "RGB")


def _is_of_one_kind(before: str, after: str) -> bool:
    return before.rstrip("A") == after.rstrip("A")
