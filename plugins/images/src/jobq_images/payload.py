"""What the four handlers take, as typed payloads that are right by construction.

Decided here: msgspec structs that refuse unknown fields and check what belongs together when they are made, so
that `"widht"` or a missing height is an error where a job is enqueued.

Paths are relative to `JOBQ_IMAGES_ROOT` or absolute inside it; without a root, anything the worker may read.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from jobq_images.errors import Refused

Side = Annotated[int, Meta(ge=1, le=30_000)]
Quality = Annotated[int, Meta(ge=1, le=100)]
Format = Literal["jpeg", "png", "webp", "avif", "gif", "tiff", "bmp"]
Fit = Literal["contain", "cover", "exact"]

_MOST_SIZES = 20


class Resize(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The payload of `images:resize`: one picture, another size in pixels.

    `contain` keeps the proportions and fits inside `width` and `height`, either of which may be left out;
    `cover` keeps the proportions, fills both and cuts off what overlaps, equally on both sides; `exact` stretches.
    `format` (default: what `target` ends in) and `quality` (1 to 100, lossy formats only) are as in `Convert`.
    """

    source: str
    target: str
    width: Side | None = None
    height: Side | None = None
    fit: Fit = "contain"
    format: Format | None = None
    quality: Quality | None = None
    keep_metadata: bool = False

    def __post_init__(self) -> None:
        if self.width is None and self.height is None:
            raise Refused("a resize needs `width`, `height` or both")
        if self.fit != "contain" and (self.width is None or self.height is None):
            raise Refused(f"the fit {self.fit!r} needs both `width` and `height`")


class Thumbnail(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The payload of `images:thumbnail`: one picture, small in several sizes.

    Each of `sizes` is the side in pixels of a square that a thumbnail fits into; none is larger than the picture.
    `target` holds `{size}` where the size goes: `thumbs/cat-{size}.webp`. Of a moving picture the first frame counts.
    """

    source: str
    target: str
    sizes: tuple[Side, ...]
    format: Format | None = None
    quality: Quality | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.sizes) <= _MOST_SIZES:
            raise Refused(f"there must be 1 to {_MOST_SIZES} sizes, not {len(self.sizes)}")
        if len(set(self.sizes)) > 1 and "{size}" not in self.target:
            raise Refused("with several sizes `target` needs {size}", hint="for example cat-{size}.webp")


class Convert(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The payload of `images:convert`: the same picture in another format.

    `format` defaults to what `target` ends in. `quality` is 1 to 100, for JPEG, WebP and AVIF only.
    `keep_metadata` carries EXIF over (camera, time, place); colour profiles are kept always.
    """

    source: str
    target: str
    format: Format | None = None
    quality: Quality | None = None
    keep_metadata: bool = False


class Optimise(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The payload of `images:optimise`: the same picture and format, in fewer bytes; JPEG, PNG and WebP.

    Without `target` the source itself is replaced. `quality` is for lossy pictures; PNG and lossless WebP stay
    lossless.
    """

    source: str
    target: str | None = None
    quality: Quality = 85
    keep_metadata: bool = False
