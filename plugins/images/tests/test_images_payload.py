from __future__ import annotations

from typing import Any

import pytest
from msgspec import Struct, ValidationError, convert

from jobq_images.payload import Convert, Optimise, Resize, Thumbnail

HERE = {"source": "a.jpg", "target": "b.jpg"}


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (Resize, {**HERE}, "`width`, `height` or both"),
        (Resize, {**HERE, "width": 10, "fit": "cover"}, "needs both"),
        (Resize, {**HERE, "height": 10, "fit": "exact"}, "needs both"),
        (Resize, {**HERE, "width": 10, "fit": "fill"}, "fit"),
        (Resize, {**HERE, "width": 0}, "width"),
        (Resize, {**HERE, "width": 30_001}, "width"),
        (Resize, {**HERE, "widht": 10}, "widht"),
        (Resize, {**HERE, "width": 10, "quality": 101}, "quality"),
        (Resize, {**HERE, "width": 10, "format": "psd"}, "psd"),
        (Thumbnail, {**HERE, "sizes": []}, "1 to 20 sizes"),
        (Thumbnail, {**HERE, "sizes": list(range(1, 22))}, "1 to 20 sizes"),
        (Thumbnail, {**HERE, "sizes": [1, 2]}, "target` needs {size}"),
        (Convert, {"source": "a.jpg"}, "target"),
        (Optimise, {"source": "a.jpg", "quality": 0}, "quality"),
    ],
)
def test_a_payload_that_makes_no_sense_cannot_be_made(kind: type[Struct], given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        convert(given, kind)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (Resize, {**HERE, "width": 10}),
        (Resize, {**HERE, "width": 10, "height": 20, "fit": "cover", "format": "jpeg", "quality": 1}),
        (Thumbnail, {**HERE, "sizes": [64]}),
        (Thumbnail, {**HERE, "sizes": [64, 64]}),
        (Thumbnail, {"source": "a.jpg", "target": "{size}.webp", "sizes": [64, 128]}),
        (Convert, HERE),
        (Optimise, {"source": "a.jpg"}),
    ],
)
def test_a_payload_that_makes_sense_is_read(kind: type[Struct], given: dict[str, Any]) -> None:
    assert isinstance(convert(given, kind), kind)
