"""The contract, part eight: looking at jobs and workers, without touching them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobq.jobs import (
    Cancelled,
    Completed,
    Failed,
    HandlerInfo,
    JobFilter,
    NewJob,
    Outcome,
    QueueCount,
    Retried,
    SessionState,
    Settlement,
    State,
)
from jobq.testing.stage import BOOM, FAR, WORK, Contract, Stage, ids


class LookContract(Contract):
    """Finding one job, and finding many."""

    def test_a_job_that_is_not_there_is_none(self, stage: Stage) -> None:
        stage.put(NewJob(id="abcdef-1", name=WORK))

        assert [stage.inspector.get(id) for id in ("nobody", "abcdef", "")] == [None, None, None]

    def test_looking_changes_nothing(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        before = stage.job("a")

        stage.find()
        stage.inspector.counts()
        stage.inspector.resolve("a")

        assert stage.job("a") == before

    def test_a_beginning_or_an_end_is_enough_to_name_a_job(self, stage: Stage) -> None:
        stage.put(NewJob(id="0190aaaa-first", name=WORK), NewJob(id="0190bbbb-second", name=WORK))
        stage.worker().run(Completed())

        assert stage.inspector.resolve("0190aaaa") == ["0190aaaa-first"]
        assert stage.inspector.resolve("b-second") == ["0190bbbb-second"]
        assert sorted(stage.inspector.resolve("0190")) == ["0190aaaa-first", "0190bbbb-second"]
        assert stage.inspector.resolve("aaaa-f") == []

    def test_an_ambiguous_part_names_at_most_three(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}-end", name=WORK) for n in range(9)])

        assert (len(stage.inspector.resolve("job-")), len(stage.inspector.resolve("-end"))) == (3, 3)

    def test_an_exact_id_is_never_ambiguous(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=id, name=WORK) for id in ("invoice", "invoice-1", "my-invoice")])

        assert stage.inspector.resolve("invoice") == ["invoice"]

    def test_a_part_is_taken_literally(self, stage: Stage) -> None:
        stage.put(NewJob(id="abc_def", name=WORK), NewJob(id="abcXdef", name=WORK), NewJob(id="100%", name=WORK))

        found = [stage.inspector.resolve(part) for part in ("abc_", "%", "_def", "*", "?", "\\", "'")]

        assert found == [["abc_def"], ["100%"], ["abc_def"], [], [], [], []]

    def test_jobs_are_listed_newest_first_whatever_their_state(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(5)])
        worker = stage.worker()
        worker.run(Completed())
        worker.run(Failed(error=BOOM, reason="exhausted"))
        worker.take()

        assert stage.find() == ["job-4", "job-3", "job-2", "job-1", "job-0"]

    def test_a_listed_job_is_the_same_as_a_single_one(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK), NewJob(id="b", name=WORK))
        worker = stage.worker()
        worker.run(Failed(error=BOOM, reason="exhausted"))
        worker.run(Retried(error=BOOM, delay=FAR))

        listed = stage.inspector.find(JobFilter(), limit=10).items

        assert listed == (stage.job("b"), stage.job("a"))

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 20])
    def test_pages_have_neither_gaps_nor_repeats(self, stage: Stage, size: int) -> None:
        stage.put(*[NewJob(id=f"job-{n:02}", name=WORK) for n in range(10)])
        worker = stage.worker()
        for _ in range(4):
            worker.run(Completed())

        assert _pages(stage, size) == [f"job-{n:02}" for n in range(9, -1, -1)]

    def test_jobs_that_come_and_end_meanwhile_do_not_disturb_the_pages(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n:02}", name=WORK) for n in range(10)])
        worker = stage.worker()
        found, cursor, turn = [], None, 0
        while turn == 0 or cursor is not None:
            page = stage.inspector.find(JobFilter(), limit=3, cursor=cursor)
            found += ids(page.items)
            cursor, turn = page.next_cursor, turn + 1
            stage.put(NewJob(id=f"later-{turn}", name="test:later"))
            worker.run(Completed())

        assert found == [f"job-{n:02}" for n in range(9, -1, -1)]

    def test_a_full_last_page_has_no_next(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(4)])

        first = stage.inspector.find(JobFilter(), limit=2)
        last = stage.inspector.find(JobFilter(), limit=2, cursor=first.next_cursor)

        assert (first.next_cursor is None, last.next_cursor) == (False, None)

    def test_an_offset_skips_jobs(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"job-{n}", name=WORK) for n in range(6)])
        stage.worker().run(Completed())

        page = stage.inspector.find(JobFilter(), limit=2, offset=3)

        assert (ids(page.items), page.next_cursor is None) == (["job-2", "job-1"], False)
        assert ids(stage.inspector.find(JobFilter(), limit=5, cursor=page.next_cursor).items) == ["job-0"]


class FilterContract(Contract):
    """Every filter, alone and together, in lists and counts alike."""

    def test_filters_by_state(self, stage: Stage) -> None:
        _one_in_each_state(stage)

        by_state = {state: stage.find(JobFilter(states=(state,))) for state in State}

        assert by_state == {state: [] if state is State.BLOCKED else [str(state)] for state in State}
        both = JobFilter(states=(State.FAILED, State.SCHEDULED))
        assert sorted(stage.find(both)) == ["failed", "scheduled"]

    def test_a_scheduled_job_whose_time_has_come_is_found_as_pending(self, stage: Stage) -> None:
        stage.put(NewJob(id="due", name=WORK, delay=stage.moment), NewJob(id="later", name=WORK, delay=FAR))

        stage.pass_time(stage.moment)

        pending, scheduled = JobFilter(states=(State.PENDING,)), JobFilter(states=(State.SCHEDULED,))
        assert (stage.find(pending), stage.find(scheduled)) == (["due"], ["later"])
        assert (stage.inspector.count(pending), stage.inspector.count(scheduled)) == (1, 1)

    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            (JobFilter(names=("email:send",)), "ab"),
            (JobFilter(names=("email:*",)), "abc"),
            (JobFilter(names=("*:send", "x")), "ab"),
            (JobFilter(names=("email:s?nd",)), "ab"),
            (JobFilter(names=("Email:*", "email", "%", "email:s_nd", "email:[s]end")), ""),
            (JobFilter(queues=("mail",)), "ac"),
            (JobFilter(queues=("mail", "def*")), "abcd"),
            (JobFilter(priority=0), "bcd"),
            (JobFilter(priority=-10), "a"),
            (JobFilter(tags=("red",)), "abd"),
            (JobFilter(tags=("red", "blue")), "ad"),
            (JobFilter(tags=("re",)), ""),
            (JobFilter(where=(("to.name", "ann"),)), "a"),
            (JobFilter(where=(("size", 3),)), "ab"),
            (JobFilter(where=(("size", "3"),)), "c"),
            (JobFilter(where=(("on", True),)), "b"),
            (JobFilter(where=(("on", None),)), "c"),
            (JobFilter(where=(("on", 1),)), ""),
            (JobFilter(where=(("size", 3.5),)), ""),
            (JobFilter(where=(("list.1", "y"),)), "d"),
            (JobFilter(where=(("to.nobody", "ann"), ("size", 3))), ""),
            (JobFilter(where=(("we'ird \"key", 1),)), "d"),
            (JobFilter(where=(("to", {"name": "bob"}),)), "b"),
            (JobFilter(names=("email:*",), tags=("red",), priority=0), "b"),
            (JobFilter(error="boom"), ""),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("ended", ["", "a", "abcd"], ids=["none has ended", "one has ended", "all have ended"])
    def test_filters_by_what_was_enqueued(self, stage: Stage, where: JobFilter, expected: str, ended: str) -> None:
        stage.put(
            NewJob(id="a", name="email:send", queue="mail", priority=-10, tags=("red", "blue"),
                   payload='{"to":{"name":"ann"},"size":3}'),
            NewJob(id="b", name="email:send", tags=("red",), payload='{"to":{"name":"bob"},"size":3,"on":true}'),
            NewJob(id="c", name="email:render", queue="mail", payload='{"size":"3","on":null}'),
            NewJob(id="d", name="image:scale", tags=("blue", "green", "red"),
                   payload='{"list":["x","y"],"we\'ird \\"key":1}'),
        )  # fmt: skip
        stage.operator.cancel(list(ended))

        assert (sorted(stage.find(where)), stage.inspector.count(where)) == (sorted(expected), len(expected))

    @pytest.mark.parametrize("ended", [[], ["old", "new"]], ids=["while they wait", "when they have ended"])
    def test_filters_by_creation_time(self, stage: Stage, ended: list[str]) -> None:
        stage.put(NewJob(id="old", name=WORK))
        stage.pass_time(0.01)
        stage.put(NewJob(id="new", name=WORK, run_at=stage.inspector.now() - timedelta(days=1)))
        start, border = stage.job("old").created_at, stage.job("new").created_at
        stage.operator.cancel(ended)

        assert stage.find(JobFilter(since=border)) == ["new"]
        assert stage.find(JobFilter(until=border)) == ["old"]
        assert stage.find(JobFilter(since=start, until=border + timedelta(days=1))) == ["new", "old"]

    def test_filters_by_error(self, stage: Stage) -> None:
        stage.put(NewJob(id="failed", name=WORK), NewJob(id="retrying", name=WORK), NewJob(id="fine", name=WORK))
        worker = stage.worker()
        worker.run(Failed(error=BOOM, reason="exhausted"))
        worker.run(Retried(error=BOOM, delay=FAR))
        worker.run(Completed())

        found = {text: len(stage.find(JobFilter(error=text))) for text in ("boom", "oo", "ValueErr", "%", "_", "x")}

        assert found == {"boom": 2, "oo": 2, "ValueErr": 2, "%": 0, "_": 0, "x": 0}
        assert sorted(stage.find(JobFilter(error="boom"))) == ["failed", "retrying"]

    def test_counts_are_by_queue_and_state(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"a-{n}", name=WORK, queue="a") for n in range(3)])
        stage.put(NewJob(id="b", name=WORK, queue="b", delay=FAR))
        stage.worker().run(Completed())

        counts = stage.inspector.counts()

        assert sorted((count.queue, count.state, count.jobs) for count in counts) == [
            ("a", State.COMPLETED, 1),
            ("a", State.PENDING, 2),
            ("b", State.SCHEDULED, 1),
        ]

    def test_counts_know_who_has_waited_longest(self, stage: Stage) -> None:
        first = stage.inspector.now() - timedelta(hours=2)
        stage.put(NewJob(id="a", name=WORK), NewJob(id="b", name=WORK, run_at=first), NewJob(id="c", name=WORK))

        assert stage.inspector.counts() == [QueueCount(queue="default", state=State.PENDING, jobs=3, oldest=first)]

    def test_an_empty_store_counts_nothing(self, stage: Stage) -> None:
        assert (stage.inspector.counts(), stage.inspector.count(JobFilter()), stage.find()) == ([], 0, [])

    def test_finished_sums_up_what_ended_by_name(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"a-{n}", name="test:a") for n in range(5)], NewJob(id="b", name="test:b"))
        worker = stage.worker(names=["test:a"])
        for elapsed in (1.0, 3.0):
            worker.run(Completed(), elapsed=elapsed)
        worker.run(Failed(error=BOOM, reason="exhausted"), elapsed=2.0)
        worker.run(Cancelled())
        worker.run(Retried(error=BOOM, delay=FAR))

        (stats,) = stage.inspector.finished(FAR)

        assert (stats.name, stats.completed, stats.failed, stats.cancelled) == ("test:a", 2, 1, 1)
        assert stats.average is not None
        assert 1.4 < stats.average < 2.2

    def test_of_all_times_nineteen_in_twenty_were_at_most_the_95th_percentile(self, stage: Stage) -> None:
        stage.put(*[NewJob(id=f"{name}-{n}", name=f"test:{name}") for n in range(20) for name in "ba"])
        worker = stage.worker(names=["test:a", "test:b"])
        took = {f"{name}-{n}": times * (1.0 + 7 * n % 20) for n in range(20) for name, times in (("a", 1), ("b", 10))}

        worker.settle_all(
            [
                Settlement(id=claim.id, token=claim.token, outcome=Completed(), elapsed=took[claim.id])
                for claim in worker.claim(40)
            ]
        )

        stats = stage.inspector.finished(FAR)
        assert [(one.name, one.completed) for one in stats] == [("test:a", 20), ("test:b", 20)]
        assert [18.5 < (one.p95 or 0) / times < 20.5 for one, times in zip(stats, (1, 10), strict=True)] == [True, True]

    def test_what_ended_before_the_window_does_not_count(self, stage: Stage) -> None:
        stage.put(NewJob(id="a", name=WORK))
        stage.worker().run(Completed())

        stage.pass_time(stage.moment)

        assert stage.inspector.finished(stage.moment / 2) == []


class WorkersContract(Contract):
    """Workers as people see them, and what they can run."""

    def test_a_worker_is_listed_with_what_it_says_of_itself(self, stage: Stage) -> None:
        worker = stage.worker(names=["test:b", "test:a"])
        stage.put(NewJob(id="x", name="test:a"), NewJob(id="y", name="test:a"))
        worker.claim(2)

        (view,) = stage.inspector.sessions()

        assert (view.id, view.name, view.host, view.pid, view.version) == (worker.id, "worker-1", "testhost", 1001, "0")
        assert (view.state, view.queues, view.processes, view.concurrency) == (SessionState.RUNNING, ("default",), 2, 3)
        assert (sorted(view.names), view.running) == (["test:a", "test:b"], 2)
        assert 0 < (view.lease_until - view.started_at).total_seconds() - FAR + 30 < 60

    def test_workers_are_listed_oldest_first(self, stage: Stage) -> None:
        workers = []
        for _ in range(3):
            workers.append(stage.worker().id)
            stage.pass_time(0.001)

        assert [view.id for view in stage.inspector.sessions()] == workers

    def test_a_worker_may_say_what_it_is_doing(self, stage: Stage) -> None:
        worker = stage.worker()

        stage.driver.describe(worker.session, SessionState.QUIET, 5)

        (view,) = stage.inspector.sessions()
        assert (view.state, view.processes) == (SessionState.QUIET, 5)

    def test_a_worker_that_signs_off_is_no_longer_listed(self, stage: Stage) -> None:
        gone, here = stage.worker(), stage.worker()

        gone.leave()
        gone.leave()

        assert [view.id for view in stage.inspector.sessions()] == [here.id]

    def test_a_worker_whose_lease_has_ended_is_no_longer_listed(self, stage: Stage) -> None:
        stage.worker(lease=stage.moment)
        here = stage.worker()

        stage.pass_time(stage.moment)

        assert [view.id for view in stage.inspector.sessions()] == [here.id]

    def test_handlers_are_listed_by_name_in_their_newest_declaration(self, stage: Stage) -> None:
        old = HandlerInfo(name="test:b", queue="old", max_attempts=2)
        new = HandlerInfo(
            name="test:b", queue="new", priority=-3, max_attempts=5, max_crashes=1, timeout=2.5, backoff="fixed:1s",
            keep_completed=10, keep_failed=20, failed_queue="dead", description="Grüße", plugin="p", is_async=True,
            has_schema=True, has_on_failed=True,
        )  # fmt: skip
        other = HandlerInfo(name="test:a")
        stage.worker(handlers=[old, other])
        stage.pass_time(0.001)

        stage.worker(handlers=[new])

        assert stage.inspector.handlers() == [other, new]

    def test_a_handler_stays_known_when_its_worker_has_gone(self, stage: Stage) -> None:
        handler = HandlerInfo(name="test:a", queue="mail")

        stage.worker(handlers=[handler]).leave()

        assert stage.inspector.handlers() == [handler]

    def test_the_clock_goes_on(self, stage: Stage) -> None:
        before = stage.inspector.now()

        stage.pass_time(0.01)

        assert (stage.inspector.now() > before, str(before.tzinfo)) == (True, "UTC")


def _pages(stage: Stage, size: int) -> list[str]:
    page = stage.inspector.find(JobFilter(), limit=size)
    found = ids(page.items)
    while page.next_cursor is not None:
        page = stage.inspector.find(JobFilter(), limit=size, cursor=page.next_cursor)
        found += ids(page.items)
    return found


def _one_in_each_state(stage: Stage) -> None:
    """A job in every state that a job can be brought to, its id being the state's word."""
    outcomes: dict[str, Outcome] = {
        "completed": Completed(),
        "failed": Failed(error=BOOM, reason="exhausted"),
        "cancelled": Cancelled(),
        "retrying": Retried(error=BOOM, delay=FAR),
    }
    worker = stage.worker()
    for id, outcome in outcomes.items():
        stage.put(NewJob(id=id, name=WORK))
        worker.run(outcome)
    stage.put(NewJob(id="running", name=WORK))
    worker.take()
    stage.put(NewJob(id="pending", name=WORK), NewJob(id="scheduled", name=WORK, delay=FAR))
