"""What the tests of the images plugin share: pictures, rendered here."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFilter

Encoded = Callable[..., bytes]
SECRET = b"52.520N-13.405E"


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("JOBQ_IMAGES_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    """320 x 200 pixels with soft colours and hard edges; the left upper corner is red, the right lower one blue."""
    red, green = Image.linear_gradient("L").resize((320, 200)), Image.radial_gradient("L").resize((320, 200))
    image = Image.merge("RGB", (red, green, red.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    draw = ImageDraw.Draw(image)
    for step in range(0, 320, 16):
        draw.ellipse((step, step // 3, step + 40, step // 3 + 60), outline=(step % 256, 90, 255 - step % 256), width=3)
        draw.text((step, 150), f"jobq {step}", fill=(255, 255, 255))
    draw.rectangle((0, 0, 39, 39), fill=(255, 0, 0))
    draw.rectangle((280, 160, 319, 199), fill=(0, 0, 255))
    return image.filter(ImageFilter.SMOOTH)


@pytest.fixture
def encoded() -> Encoded:
    """Encode an image by Pillow: `encoded(image, "JPEG", quality=90)`."""

    def encode(image: Image.Image, format: str, **options: Any) -> bytes:
        stream = BytesIO()
        image.save(stream, format, **options)
        return stream.getvalue()

    return encode


@pytest.fixture
def private_exif() -> Callable[[int], Image.Exif]:
    """EXIF with an orientation, a camera, and a place that nobody should learn."""

    def make(orientation: int) -> Image.Exif:
        exif = Image.Exif()
        exif[0x0112] = orientation
        exif[0x010F] = "Camera"
        exif[0x010E] = SECRET.decode()
        return exif

    return make
