"""Draw the README's picture from a real run: `make picture` runs the quickstart and turns its terminal into an SVG.

The quickstart runs on a pseudo-terminal, so that it prints what a person would see, colours and all; the picture is
of the screen at its end. Nothing is typed in by hand.
"""

from __future__ import annotations

import os
import pty
import re
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS, ROWS = 92, 60
TARGET = Path(__file__).parents[2] / "docs" / "quickstart.svg"
_LINE_ENDS = re.compile(r"\r+\n")
_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)  # they would be fetched from somebody else's host
_CURSOR = re.compile(r"\x1b\[(\?\d+[hl]|\d*[ABGJK])")


def main() -> None:
    """Run, and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        screen = _run(["jobq", "quickstart"])
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text.from_markup("[bold green]$[/] jobq quickstart"))
    console.print(Text.from_ansi(screen.replace(folder, "~")))
    TARGET.write_text(_FONTS.sub("", console.export_svg(title="jobq")), encoding="utf-8")
    print(f"wrote {TARGET.name}")


def _run(arguments: list[str]) -> str:
    """Run a command on a terminal of its own and return its last screen: overwritten lines are gone."""
    said = bytearray()

    def read(descriptor: int) -> bytes:
        data = os.read(descriptor, 65536)
        said.extend(data)
        return data

    os.environ.update(COLUMNS=str(COLUMNS), LINES=str(ROWS), TERM="xterm-256color")
    status = pty.spawn(arguments, read)
    if status:
        raise SystemExit(f"the quickstart ended with {os.waitstatus_to_exitcode(status)}")
    text = _LINE_ENDS.sub("\n", said.decode("utf-8", "replace"))
    lines = [_CURSOR.sub("", line.rpartition("\r")[2]) for line in text.split("\n")]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
