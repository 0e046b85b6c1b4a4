"""From bytes to a picture that can be worked with: upright, in a plain colour mode, without metadata.

Decided here: only formats that pictures are exchanged in are opened. Pillow knows dozens more, some of which start
another program or have not been looked at for years, and the sender of a picture would choose among them.

The size is checked when only the header has been read, before a byte is decoded.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

from msgspec import Struct
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError, features

from jobq_images.errors import Refused

READABLE = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", *(("AVIF",) if features.check("avif") else ()))

# Everything that decoders raise over damaged content; the content is in memory, so that no disk is among them.
_DAMAGE = (
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    ArithmeticError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_ORIENTATION = 0x0112
_UPRIGHT = 1
# A phone's JPEG with a second, smaller picture behind the first is called MPO.
_NAMES = {"MPO": "jpeg"}
_PLAIN = {
    "1": "L",
    "La": "LA",
    "RGBX": "RGB",
    "RGBa": "RGBA",
    "PA": "RGBA",
    "YCbCr": "RGB",
    "LAB": "RGB",
    "HSV": "RGB",
}
_WORKABLE = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})


class Picture(Struct, frozen=True, kw_only=True):
    """A decoded picture.

    `image` is upright and in one of the modes L, LA, RGB, RGBA, CMYK; its `info` holds nothing. `format` is the
    source's, in small letters; `orientation` is what its EXIF said, 1 for upright. `exif` no longer turns anything.
    """

    image: Image.Image
    format: str
    orientation: int
    profile: bytes | None
    exif: bytes | None


def read_picture(content: bytes, name: str, *, max_pixels: int, first_frame: bool = False, near: int = 0) -> Picture:
    """Decode a picture; `name` stands for it in errors.

    A moving picture is refused unless its `first_frame` will do. With `near` a JPEG may be decoded at a smaller
    size, no side of which is below it. Raises `Refused` for what is no picture, damaged, moving or too large.
    """
    try:
        image = _open(content, name, max_pixels)
        _check_frames(image, name, first_frame=first_frame)
        if near:
            image.draft(image.mode, (near, near))
        return _picture(image)
    except UnidentifiedImageError as error:
        raise Refused(f"{name!r} is not a picture", hint=f"known are {', '.join(READABLE)}") from error
    except Refused:
        raise
    except _DAMAGE as error:
        raise Refused(f"{name!r} cannot be decoded: {str(error)[:200] or type(error).__name__}") from error


def open_as_it_is(content: bytes) -> Image.Image:
    """A picture that `read_picture` has read before, neither turned nor in another mode."""
    image = Image.open(BytesIO(content), formats=READABLE)
    image.load()
    return image


def _open(content: bytes, name: str, max_pixels: int) -> ImageFile.ImageFile:
    image = Image.open(BytesIO(content), formats=READABLE)
    if image.width * image.height > max_pixels:
        said = f"{name!r} has {image.width} x {image.height} pixels, more than the {max_pixels} that are allowed"
        raise Refused(said, hint="raise JOBQ_IMAGES_MAX_PIXELS")
    return image


def _check_frames(image: ImageFile.ImageFile, name: str, *, first_frame: bool) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and not first_frame and image.format not in _NAMES:
        raise Refused(f"{name!r} has {frames} frames, and all but one would be lost", hint="images:thumbnail takes one")


def _picture(image: ImageFile.ImageFile) -> Picture:
    orientation = _orientation(image)
    upright: Image.Image = ImageOps.exif_transpose(image)
    plain = _plain(upright)
    profile, exif = upright.info.get("icc_profile"), upright.info.get("exif")
    # Encoders write what they find here, a JPEG comment for one, whether asked or not.
    plain.info = {}
    return Picture(
        image=plain,
        format=_NAMES.get(image.format or "", (image.format or "").lower()),
        orientation=orientation,
        profile=profile if isinstance(profile, bytes) and _is_same_colour(upright.mode, plain.mode) else None,
        exif=exif if isinstance(exif, bytes) else None,
    )


def _orientation(image: Image.Image) -> int:
    found: Any = image.getexif().get(_ORIENTATION, _UPRIGHT)
    return found if isinstance(found, int) and found in range(1, 9) else _UPRIGHT


def _plain(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        # Converting cuts values off at 255; sixteen bits have to be scaled to eight.
        return image.convert("I;16").point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        return image.convert("LA" if image.mode in ("L", "LA", "1") else "RGBA")
    mode = "RGB" if image.mode == "P" else _PLAIN.get(image.mode, image.mode)
    if mode not in _WORKABLE:
        raise Refused(f"pictures in the colour mode {image.mode} are not supported")
    return image.convert(mode)


def _is_same_colour(before: str, after: str) -> bool:
    return _colours(before) == _colours(after)


def _colours(mode: str) -> str:
    if mode == "CMYK":
        return "cmyk"
    return "grey" if mode in ("1", "L", "LA", "La") or mode.startswith("I") else "rgb"
