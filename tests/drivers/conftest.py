"""What the driver tests share: after a run, what each store was driven through, and how each mutant was noticed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

DRIVEN, MUTANT = "driven", "mutant"


@pytest.fixture
def show_driven(record_property: Callable[[str, object], None]) -> Callable[[str, Mapping[str, int]], None]:
    """Say how often each verb and outcome was driven on a store; shown at the end, with pytest-xdist too."""
    return lambda store, driven: record_property(DRIVEN, [store, dict(driven)])


@pytest.fixture
def show_mutant(record_property: Callable[[str, object], None]) -> Callable[[str, Sequence[str]], None]:
    """Say which tests noticed a mutant."""
    return lambda mutant, failed: record_property(MUTANT, [mutant, list(failed)])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    said = [one for report in reports for one in getattr(report, "user_properties", ())]
    _show_driven(terminalreporter, dict(sorted(value for kind, value in said if kind == DRIVEN)))
    _show_mutants(terminalreporter, dict(sorted(value for kind, value in said if kind == MUTANT)))


def _show_driven(terminal: pytest.TerminalReporter, tables: Mapping[str, Mapping[str, int]]) -> None:
    """A row for each verb and outcome, a column for each store."""
    if not tables:
        return
    terminal.section("verbs and outcomes driven against the reference model")
    terminal.write_line(" " * 28 + "".join(f"{store:>12}" for store in tables))
    for verb in sorted({verb for counts in tables.values() for verb in counts}):
        numbers: Any = (counts.get(verb, 0) for counts in tables.values())
        terminal.write_line(f"{verb:28}" + "".join(f"{number:>12}" for number in numbers))


def _show_mutants(terminal: pytest.TerminalReporter, mutants: Mapping[str, Sequence[str]]) -> None:
    if not mutants:
        return
    terminal.section("mutants, and the tests that noticed them")
    for mutant, failed in mutants.items():
        terminal.write_line(f"{mutant}: " + (", ".join(failed) or "nobody noticed"))
