"""The contract is worth what it notices: a driver with one law broken does not pass it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STALE = "test_a_stale_claim_does_not_settle_the_next_attempt"
UNKNOWN = "test_a_token_that_was_never_given_out_is_lost"
LOCKED = "test_a_locked_job_does_not_hold_up_a_claim"
COUNTED = "test_an_attempt_counts_from_the_claim_on"

# Tests enough to see that a mutant lives in every other respect, and few enough to wait for.
WANTED = "attempt or stale or never_given or locked_job"

MUTANTS = {
    "TestMemoryWithoutTokenCheck": [STALE, UNKNOWN],
    "TestSqliteWithoutTokenCheck": [STALE, UNKNOWN],
    # There a token also names the row, so that one nobody was given finds none even without the check.
    "TestPostgresWithoutTokenCheck": [STALE],
    "TestPostgresWithoutSkipLocked": [LOCKED],
    "TestMemoryCountingAtSettlement": [COUNTED],
    "TestSqliteCountingAtSettlement": [COUNTED],
    "TestPostgresCountingAtSettlement": [COUNTED],
}


@pytest.mark.parametrize(("mutant", "noticed_by"), list(MUTANTS.items()), ids=list(MUTANTS))
def test_the_contract_notices(
    mutant: str,
    noticed_by: Sequence[str],
    postgres_server: str,
    show_mutant: Callable[[str, Sequence[str]], None],
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", f"tests/drivers/mutants.py::{mutant}", "-q", "-n0", "-k", WANTED],
        cwd=ROOT,
        env={**os.environ, "JOBQ_TEST_DSN": postgres_server},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )

    failed = set(re.findall(rf"^FAILED tests/drivers/mutants\.py::{mutant}::(\w+)", ended.stdout, re.MULTILINE))
    show_mutant(mutant, sorted(failed))
    assert (ended.returncode, " error" in ended.stdout.splitlines()[-1]) == (1, False), ended.stdout
    assert set(noticed_by) <= failed, ended.stdout
    assert re.search(r"\d+ passed", ended.stdout), "the mutant is broken beyond its one law"
