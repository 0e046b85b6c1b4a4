"""The tutorial's commands and files, one after the other, as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import jobq

CHECKOUT = Path(jobq.__file__).parents[1]
TUTORIAL = CHECKOUT / "docs" / "tutorial.md"
_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def as_script(text: str) -> tuple[str, list[str]]:
    """The tutorial as a shell's script, and the lines that it claims to print."""
    script, promised = ["set -e"], list[str]()
    for language, block in _BLOCK.findall(text):
        if language == "python":
            name = block.partition("\n")[0].removeprefix("# ")
            script.append(f"cat > {name} <<'END'\n{block}END")
        for line in block.splitlines() if language == "console" else ():
            command = line.removeprefix("$ ")
            (script if command != line else promised).append(command)
    return "\n".join(script) + "\n", promised


def is_said(promise: str, said: list[str]) -> bool:
    """Whether a line was printed; `…` stands for anything, and so does space for other space."""
    parts = [r"\s+".join(map(re.escape, part.split())) for part in promise.split("…")]
    pattern = re.compile(r"\s*" + r".*".join(rf"\s*{part}\s*" for part in parts))
    return any(pattern.fullmatch(line) for line in said)


def test_every_command_works_and_prints_what_is_shown(tmp_path: Path) -> None:
    script, promised = as_script(TUTORIAL.read_text())
    for name, words in {"jobq": ' -m jobq "$@"', "python": ' "$@"'}.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}"{words}\n')
        program.chmod(0o755)
    paths = [str(tmp_path / "bin"), os.environ["PATH"]]
    environment = {**os.environ, "PATH": os.pathsep.join(paths), "PYTHONPATH": str(CHECKOUT)}

    done = subprocess.run(
        ["sh"], input=script, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=55, check=False
    )

    assert done.returncode == 0, done.stderr[-3000:]
    said = done.stdout.splitlines()
    assert [promise for promise in promised if not is_said(promise, said)] == []


def test_every_printed_line_is_checked_in_earnest() -> None:
    assert is_said("… pending  text:count …", ["0123  pending  text:count  in default"])
    assert not is_said("… pending  text:count …", ["0123  completed  text:count  in default"])
    assert not is_said("done", ["done 5"])
