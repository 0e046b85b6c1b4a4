"""A source seen from far above: a pixel for every character, a colour for what it is.

Pure: text in, pixels out. Lines run down columns that stand side by side, so that a long source gives a picture of
ordinary shape; a line is two pixels high, as type is.
"""

from __future__ import annotations

import io
import keyword
import re
import tokenize
from collections.abc import Iterator, Sequence
from enum import IntEnum
from math import ceil, isqrt

from jobq.quickstart.anatomy import lines_of
from jobq.quickstart.png import Picture

WIDTH = 80
GUTTER = 8
LINE_HEIGHT = 2
_INK = re.compile(r"\S+")


class Kind(IntEnum):
    """What a character belongs to."""

    PAPER = 0
    CODE = 1
    KEYWORD = 2
    TEXT = 3
    COMMENT = 4
    NUMBER = 5


COLOURS = {
    Kind.PAPER: b"\x1e\x1e\x2e",
    Kind.CODE: b"\xa6\xad\xc8",
    Kind.KEYWORD: b"\xcb\xa6\xf7",
    Kind.TEXT: b"\xe5\xb5\x67",
    Kind.COMMENT: b"\x5f\x9e\x6e",
    Kind.NUMBER: b"\x74\xc7\xec",
}


def draw(text: str) -> Picture:
    """Draw a source; raises `SyntaxError` or `tokenize.TokenError` if it cannot be read to its end."""
    lines = lines_of(text)
    rows = [_painted(line, kinds) for line, kinds in zip(lines, kinds_of(lines), strict=True)]
    return _columns(rows, _column_height(len(rows)))


def kinds_of(lines: Sequence[str]) -> list[bytearray]:
    """Say of every character what it is, a row of `Kind`s for each line."""
    kinds = [bytearray([Kind.CODE]) * len(line) for line in lines]
    for token in tokenize.generate_tokens(io.StringIO("\n".join(lines) + "\n").readline):
        kind = _kind_of(token)
        for row, start, end in _extent(token) if kind is not Kind.CODE else ():
            if row < len(kinds):
                stop = min(end, len(kinds[row]))
                kinds[row][start:stop] = bytes([kind]) * (stop - start)
    return kinds


def _kind_of(token: tokenize.TokenInfo) -> Kind:
    name = tokenize.tok_name[token.type]
    # What Python 3.12 calls FSTRING_START, _MIDDLE and _END, and 3.14 TSTRING_…, was a STRING before.
    if name == "STRING" or name.startswith(("FSTRING", "TSTRING")):
        return Kind.TEXT
    if token.type == tokenize.NAME:
        return Kind.KEYWORD if keyword.iskeyword(token.string) else Kind.CODE
    return {"COMMENT": Kind.COMMENT, "NUMBER": Kind.NUMBER}.get(name, Kind.CODE)


def _extent(token: tokenize.TokenInfo) -> Iterator[tuple[int, int, int]]:
    """The rows that a token covers, counted from 0, each with its first column and the one after its last."""
    (first, start), (last, end) = token.start, token.end
    for row in range(first - 1, last):
        yield row, start if row == first - 1 else 0, end if row == last - 1 else 1 << 30


def _painted(line: str, kinds: bytearray) -> bytes:
    """A row of pixels, as `Kind`s: as wide as a column, and paper where the line is blank."""
    row = bytearray(WIDTH)
    for word in _INK.finditer(line[:WIDTH]):
        row[word.start() : word.end()] = kinds[word.start() : word.end()]
    return bytes(row)


def _column_height(lines: int) -> int:
    """How many lines make a column, so that the picture is about half as wide again as it is high."""
    return max(1, isqrt(lines * (WIDTH + GUTTER) // (3 * LINE_HEIGHT // 2)))


def _columns(rows: Sequence[bytes], height: int) -> Picture:
    """Put columns side by side, with paper between and around them."""
    columns = ceil(len(rows) / height)
    gutter, blank = bytes(GUTTER), bytes(WIDTH)
    palette = [COLOURS[kind] for kind in Kind]
    drawn = []
    for row in range(min(height, len(rows))):
        cells = [rows[place] if (place := row + column * height) < len(rows) else blank for column in range(columns)]
        pixels = gutter + gutter.join(cells) + gutter
        drawn += [b"".join([palette[kind] for kind in pixels])] * LINE_HEIGHT
    width = GUTTER + columns * (WIDTH + GUTTER)
    margin = [palette[Kind.PAPER] * width] * GUTTER
    return Picture(width, (*margin, *drawn, *margin))
