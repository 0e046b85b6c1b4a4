"""The contract, part eleven: for stores that can join the caller's own transaction (guarantee 6)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from jobq.errors import Conflict
from jobq.jobs import Inserted, NewJob
from jobq.testing.stage import WORK, Contract, Stage, ids

Connect = Callable[[], Any]


class TransactionContract(Contract):
    """Jobs inserted on the caller's connection live and die with the caller's transaction."""

    @pytest.fixture
    def connect(self) -> Connect:
        """Something to call for a connection of the caller's own, in which a transaction begins by itself.

        It must have `commit`, `rollback` and `close`.
        """
        raise NotImplementedError("give a `connect` fixture that says how a caller connects to this store")

    def test_a_driver_that_can_join_says_so(self, stage: Stage) -> None:
        assert stage.driver.capabilities.transactional

    def test_nothing_is_there_before_the_commit_and_everything_after_it(self, stage: Stage, connect: Connect) -> None:
        with closing(connect()) as connection:
            inserted = stage.driver.insert(
                [NewJob(id="a", name=WORK), NewJob(id="b", name=WORK)], connection=connection
            )
            before = (stage.find(), stage.inspector.get("a"))
            connection.commit()

        assert (inserted, before) == ([Inserted(id="a"), Inserted(id="b")], ([], None))
        assert ids(stage.worker().claim(5)) == ["a", "b"]

    def test_a_rollback_takes_the_jobs_along(self, stage: Stage, connect: Connect) -> None:
        with closing(connect()) as connection:
            stage.driver.insert([NewJob(id="a", name=WORK, unique_key="k")], connection=connection)
            connection.rollback()

        assert stage.find() == []
        assert stage.put(NewJob(id="b", name=WORK, unique_key="k")) == ["b"]

    def test_a_connection_that_is_dropped_takes_the_jobs_along(self, stage: Stage, connect: Connect) -> None:
        with closing(connect()) as connection:
            stage.driver.insert([NewJob(id="a", name=WORK)], connection=connection)

        assert stage.find() == []

    def test_a_transaction_may_insert_several_times(self, stage: Stage, connect: Connect) -> None:
        with closing(connect()) as connection:
            stage.driver.insert([NewJob(id="a", name=WORK, unique_key="k")], connection=connection)
            again = stage.driver.insert([NewJob(id="b", name=WORK, unique_key="k")], connection=connection)
            stage.driver.insert([NewJob(id="c", name=WORK)], connection=connection)
            connection.commit()

        assert again == [Inserted(id="a", deduplicated=True)]
        assert stage.find() == ["c", "a"]

    def test_a_conflict_stores_nothing_of_its_batch_and_leaves_the_rest_to_the_caller(
        self, stage: Stage, connect: Connect
    ) -> None:
        stage.put(NewJob(id="holder", name=WORK, unique_key="k"))
        with closing(connect()) as connection:
            stage.driver.insert([NewJob(id="kept", name=WORK)], connection=connection)
            with pytest.raises(Conflict):
                stage.driver.insert(
                    [NewJob(id="a", name=WORK), NewJob(id="b", name=WORK, unique_key="k", on_conflict="raise")],
                    connection=connection,
                )
            connection.commit()

        assert stage.find() == ["kept", "holder"]
