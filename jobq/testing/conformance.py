"""What a driver is: the whole contract, to be subclassed once per driver.

    class TestMyStore(DriverContract):
        @pytest.fixture
        def another(self, tmp_path: Path) -> Iterator[Callable[[], Driver]]:
            with ExitStack() as opened:
                yield lambda: opened.enter_context(closing(open_my_store(tmp_path)))

        @pytest.fixture
        def store(self, another: Callable[[], Driver]) -> Driver:
            return another()

Each law of `jobq.drivers.protocol` is at least one test here, named as a sentence; a driver is done when they
pass. Parts that only some stores can keep are contracts of their own: add `TransactionContract` to the bases of a
store that joins the caller's transactions, and `RowLockContract` where a foreign transaction can lock one job.
A store without facets takes the parts it can keep instead of all of them: leaving a part out is visible in its
bases, where a skipped test would not be.
"""

from __future__ import annotations

from jobq.drivers.protocol import Driver
from jobq.testing.claims import ClaimContract
from jobq.testing.fairness import FairnessContract, OrderContract, QueueContract
from jobq.testing.inspection import FilterContract, LookContract, WorkersContract
from jobq.testing.maintenance import ExpiryContract, RescueContract, RetentionContract
from jobq.testing.operation import CancelContract, DeleteContract, InboxContract, RetryContract
from jobq.testing.outcomes import OutcomeContract
from jobq.testing.producing import ProducingContract
from jobq.testing.racing import HintContract, RacingContract, RowLockContract
from jobq.testing.settlement import FencingContract
from jobq.testing.stage import Contract, Stage
from jobq.testing.transactions import TransactionContract
from jobq.testing.uniqueness import GivenIdContract, UniqueKeyContract

__all__ = ["Contract", "DriverContract", "RowLockContract", "Stage", "TransactionContract"]


class DriverContract(
    ClaimContract,
    FencingContract,
    OutcomeContract,
    ProducingContract,
    UniqueKeyContract,
    GivenIdContract,
    OrderContract,
    QueueContract,
    FairnessContract,
    CancelContract,
    RetryContract,
    DeleteContract,
    InboxContract,
    LookContract,
    FilterContract,
    WorkersContract,
    RescueContract,
    ExpiryContract,
    RetentionContract,
    RacingContract,
    HintContract,
):
    """Every law that a store with all facets keeps."""

    def test_a_driver_says_what_it_can_do(self, store: Driver) -> None:
        can = store.capabilities

        assert can.name
        assert (can.inline, can.durable) != (True, True)

    def test_closing_twice_is_fine(self, store: Driver) -> None:
        store.close()
        store.close()
