"""Proof that a store keeps its word: the conformance suite, a reference model, and a machine that compares them.

This package is shipped, so that the author of another driver runs the same suite: see `jobq.testing.conformance`.
It needs pytest, and `jobq.testing.machine` needs hypothesis; neither is needed to run jobq.
"""

from __future__ import annotations

import pytest

# Plain asserts say what they compared only when pytest has rewritten them; it must hear of it before the import.
pytest.register_assert_rewrite(
    *(
        f"jobq.testing.{part}"
        for part in (
            "claims",
            "conformance",
            "entry",
            "fairness",
            "inspection",
            "machine",
            "maintenance",
            "model",
            "operation",
            "outcomes",
            "producing",
            "racing",
            "settlement",
            "stage",
            "transactions",
            "turns",
            "uniqueness",
        )
    )
)

from jobq.testing.conformance import DriverContract, RowLockContract, TransactionContract  # noqa: E402

__all__ = ["DriverContract", "RowLockContract", "TransactionContract"]
