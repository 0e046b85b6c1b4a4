"""How large a picture becomes, and which part of it is used. Pure arithmetic.

A frame is an output size and the part of the source that fills it, so that cutting and scaling are one step and
cost one loss of sharpness.
"""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct

from jobq_images.payload import Fit

Size = tuple[int, int]
Part = tuple[float, float, float, float]


class Frame(Struct, frozen=True):
    """The output's size in pixels, and the part of the source for it: left, upper, right, lower."""

    size: Size
    part: Part


def frame(source: Size, width: int | None, height: int | None, fit: Fit) -> Frame:
    """The frame for a picture of size `source`. A side that is None follows from the other one."""
    match fit:
        case "contain":
            return _whole(source, _contained(source, width, height))
        case "cover":
            return _covering(source, (width or source[0], height or source[1]))
        case "exact":
            return _whole(source, (width or source[0], height or source[1]))
        case _:
            assert_never(fit)


def thumbnail_frame(source: Size, side: int) -> Frame:
    """The frame that fits a square, and is never larger than the source."""
    size = source if max(source) <= side else _contained(source, side, side)
    return _whole(source, size)


def _contained(source: Size, width: int | None, height: int | None) -> Size:
    scales = [wanted / side for wanted, side in zip((width, height), source, strict=True) if wanted is not None]
    scale = min(scales)
    return (_side(source[0] * scale, width), _side(source[1] * scale, height))


def _side(exact: float, most: int | None) -> int:
    rounded = max(1, round(exact))
    return rounded if most is None else min(rounded, most)


def _whole(source: Size, size: Size) -> Frame:
    return Frame(size, (0.0, 0.0, float(source[0]), float(source[1])))


def _covering(source: Size, size: Size) -> Frame:
    scale = max(size[0] / source[0], size[1] / source[1])
    used = (min(source[0], size[0] / scale), min(source[1], size[1] / scale))
    left, upper = (source[0] - used[0]) / 2, (source[1] - used[1]) / 2
    return Frame(size, (left, upper, left + used[0], upper + used[1]))
