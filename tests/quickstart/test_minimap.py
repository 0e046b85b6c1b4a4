"""A source seen from far above."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobq.quickstart.anatomy import read_source
from jobq.quickstart.minimap import COLOURS, GUTTER, LINE_HEIGHT, WIDTH, Kind, draw, kinds_of

SOURCE = """\
def f(x):  # why
    return f"a{x}" + '''b
c''' * 12
"""


def test_each_character_is_known_for_what_it_is() -> None:
    kinds = kinds_of(SOURCE.removesuffix("\n").split("\n"))

    assert kinds[0] == bytearray([Kind.KEYWORD] * 3 + [Kind.CODE] * 8 + [Kind.COMMENT] * 5)
    assert kinds[1][4:10] == bytearray([Kind.KEYWORD] * 6)
    assert kinds[1][11:14] == bytearray([Kind.TEXT] * 3)
    assert kinds[1][-4:] == bytearray([Kind.TEXT] * 4)
    assert kinds[2] == bytearray([Kind.TEXT] * 4 + [Kind.CODE] * 3 + [Kind.NUMBER] * 2)


def test_a_pixel_stands_for_a_character() -> None:
    picture = draw("x = 1\n")

    row = picture.rows[GUTTER]
    pixels = [row[3 * column : 3 * column + 3] for column in range(GUTTER, GUTTER + 6)]
    paper, code, number = COLOURS[Kind.PAPER], COLOURS[Kind.CODE], COLOURS[Kind.NUMBER]
    assert pixels == [code, paper, code, paper, number, paper]
    assert (picture.width, picture.height) == (WIDTH + 2 * GUTTER, LINE_HEIGHT + 2 * GUTTER)


def test_what_is_beyond_the_column_is_cut() -> None:
    assert draw("#" * 500).width == draw("#").width


@given(st.integers(0, 3000))
def test_every_line_has_its_place(lines: int) -> None:
    picture = draw("#\n" * lines)

    inked = sum(row.count(COLOURS[Kind.COMMENT]) for row in picture.rows)
    assert inked == lines * LINE_HEIGHT
    assert {len(row) for row in picture.rows} == {3 * picture.width}


@pytest.mark.parametrize("text", ["", "\n", "\x0c\nx = '\x0c\x85\u2028'\n", "x = 1", "ä = '\U0001f600'\n"])
def test_odd_sources_are_drawn_too(text: str) -> None:
    assert draw(text).height > 0


def test_a_long_source_gives_a_picture_of_ordinary_shape() -> None:
    picture = draw(read_source(Path(sysconfig.get_path("stdlib"), "argparse.py")))

    assert 1 < picture.width / picture.height < 2
