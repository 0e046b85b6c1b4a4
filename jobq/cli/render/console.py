"""The terminal, or what stands in its place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from jobq.telemetry import Color

if TYPE_CHECKING:
    from rich.console import Console

_UNCUT = 10_000


def make_console(stream: TextIO, color: Color) -> Console:
    """A console that takes every text literally: no markup, no emoji, no guessing what to highlight.

    Where no terminal is, lines may be as long as they like.
    """
    from rich.console import Console

    on_terminal = stream.isatty()
    colored = color == "always" or (color == "auto" and on_terminal and not os.environ.get("NO_COLOR"))
    return Console(
        file=stream,
        width=None if on_terminal else _UNCUT,
        force_terminal=on_terminal or colored,
        no_color=not colored,
        color_system="auto" if colored and on_terminal else "standard" if colored else None,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=False,
        legacy_windows=False,
    )
