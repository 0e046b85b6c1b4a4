"""What is to be seen meanwhile."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from jobq.quickstart.progress import Form, Standing, shown

STEPS = (Standing(), Standing(1), Standing(3, 0, 1), Standing(4, 1), Standing(5, 1), Standing(10, 1), Standing(10, 1))


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=80, color_system=None)


def test_a_log_gets_a_line_at_each_quarter(capsys: pytest.CaptureFixture[str]) -> None:
    with shown(10, console(terminal=False), Form.LINES) as progress:
        for standing in STEPS:
            progress.show(standing)

    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "3 of 10 jobs (1 retrying)",
        "5 of 10 jobs (1 failed)",
        "10 of 10 jobs (1 failed)",
    ]
    assert said.out == ""


def test_a_terminal_gets_a_bar() -> None:
    screen = console(terminal=True)

    with shown(10, screen, Form.BAR) as progress:
        for standing in STEPS:
            progress.show(standing)

    assert isinstance(screen.file, io.StringIO)
    assert "10/10 jobs  1 failed" in screen.file.getvalue()


def test_who_wants_ids_only_sees_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with shown(10, console(terminal=False), Form.NOTHING) as progress:
        for standing in STEPS:
            progress.show(standing)

    assert capsys.readouterr() == ("", "")


def test_nothing_to_do_is_no_division_by_zero() -> None:
    with shown(0, console(terminal=False), Form.LINES) as progress:
        progress.show(Standing())
