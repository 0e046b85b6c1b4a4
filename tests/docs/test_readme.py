"""What the README shows is true: its commands run, its code works, its tables match the program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import jobq
from jobq.app import plugins_here
from jobq.config import load_config

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def handlers(tmp_path: Path) -> Path:
    folder = tmp_path / "handlers"
    folder.mkdir()
    (folder / "letters.py").write_text(_blocks("python")[0])
    return folder


def test_the_plugin_of_the_readme_works(handlers: Path, tmp_path: Path) -> None:
    config = load_config(dsn="sync://", environ={}, cwd=tmp_path)
    with jobq.connect(config=config, plugins=plugins_here(config, plugin_dirs=[handlers])) as q:
        good = q.enqueue("letter:send", {"to": "ada@example.com"})
        bad = q.enqueue("letter:send", {"to": "nowhere"})

    assert (q.get(good.id).state, q.get(good.id).queue) == ("completed", "letters")
    assert (q.get(bad.id).state, q.get(bad.id).reason) == ("failed", "discarded")


def test_the_python_of_the_readme_works(handlers: Path, tmp_path: Path) -> None:
    code = _blocks("python")[1].replace("jobq.connect()", f"jobq.connect({f'sqlite://{tmp_path}/q.db'!r})")
    worker = subprocess.Popen(
        [sys.executable, "-m", "jobq", "--dsn", f"sqlite://{tmp_path}/q.db", "worker", "--plugin-dir", str(handlers),
         "--max-runtime", "15s", "--max-jobs", "1"], stderr=subprocess.DEVNULL, cwd=tmp_path,
    )  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)

    assert worker.wait(30) == 0
    assert (done.stdout.strip(), done.stderr) == ("completed", "")


def test_every_command_of_the_readme_is_understood(handlers: Path, tmp_path: Path) -> None:
    lines = [line[2:] for block in _blocks("console") for line in block.splitlines() if line.startswith("$ jobq ")]
    assert len(lines) >= 5
    (tmp_path / "ada.json").write_text('{"to": "ada@example.com"}')
    for line in lines:
        arguments = line.partition("#")[0].split()[1:]
        if arguments[0] == "worker":
            arguments += ["--drain"]
        done = subprocess.run(
            [sys.executable, "-m", "jobq", "--dsn", f"sqlite://{tmp_path}/q.db", *arguments],
            capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False,
        )  # fmt: skip
        # The id in the README is nobody's here: not found is the right answer to it.
        expected = 3 if arguments[:2] == ["jobs", "show"] else 0
        assert done.returncode == expected, (line, done.stderr)


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)

    missing = [link for link in links if not link.startswith("http") and not (ROOT / link).exists()]
    assert missing == []
