from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq_images.payload import Fit
from jobq_images.size import Size, frame, thumbnail_frame

SIDES = st.integers(1, 30_000)
SIZES = st.tuples(SIDES, SIDES)


@pytest.mark.parametrize(
    ("source", "width", "height", "fit", "size"),
    [
        ((400, 300), 200, None, "contain", (200, 150)),
        ((400, 300), None, 150, "contain", (200, 150)),
        ((400, 300), 200, 200, "contain", (200, 150)),
        ((300, 400), 200, 200, "contain", (150, 200)),
        ((400, 300), 800, None, "contain", (800, 600)),
        ((1000, 1), 10, 10, "contain", (10, 1)),
        ((400, 300), 200, 200, "cover", (200, 200)),
        ((400, 300), 200, 200, "exact", (200, 200)),
    ],
)
def test_a_size_follows_from_the_fit(source: Size, width: int | None, height: int | None, fit: Fit, size: Size) -> None:
    assert frame(source, width, height, fit).size == size


@given(source=SIZES, box=SIZES)
def test_contain_fits_the_box_and_touches_it(source: Size, box: Size) -> None:
    width, height = frame(source, *box, "contain").size

    assert 1 <= width <= box[0]
    assert 1 <= height <= box[1]
    assert width == box[0] or height == box[1]


@given(source=SIZES, box=SIZES)
def test_contain_keeps_the_proportions_to_a_pixel(source: Size, box: Size) -> None:
    width, height = frame(source, *box, "contain").size

    scale = min(box[0] / source[0], box[1] / source[1])
    assert abs(width - source[0] * scale) <= 1
    assert abs(height - source[1] * scale) <= 1


@given(source=SIZES, box=SIZES)
def test_cover_uses_the_middle_of_the_source_in_the_proportions_of_the_box(source: Size, box: Size) -> None:
    wanted = frame(source, *box, "cover")

    left, upper, right, lower = wanted.part
    assert wanted.size == box
    assert 0 <= left < right <= source[0] + 1e-6
    assert 0 <= upper < lower <= source[1] + 1e-6
    assert left + right == pytest.approx(source[0])
    assert upper + lower == pytest.approx(source[1])
    assert (right - left) * box[1] == pytest.approx((lower - upper) * box[0])
    assert left == pytest.approx(0, abs=1e-6) or upper == pytest.approx(0, abs=1e-6)


@given(source=SIZES, side=SIDES)
def test_a_thumbnail_fits_its_square_and_never_grows(source: Size, side: int) -> None:
    width, height = thumbnail_frame(source, side).size

    assert 1 <= width <= min(side, source[0])
    assert 1 <= height <= min(side, source[1])
