"""What the lives of a store are made of: jobs, outcomes and demands, drawn from few values so that they meet."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st
from msgspec import structs

from jobq.drivers.protocol import Demand, Share
from jobq.jobs import (
    Cancelled,
    Completed,
    ErrorInfo,
    Failed,
    NewJob,
    Outcome,
    Released,
    Retried,
    Snoozed,
    Suspected,
)
from jobq.testing.stage import BOOM, FAR

DELAYS = st.sampled_from([0.0, 0.0, FAR])
ODD = ErrorInfo(type="KeyError", message="'x'")
ERRORS = st.sampled_from([BOOM, ODD])
PAST = [datetime(2020, 1, day, tzinfo=UTC) for day in (1, 2)]
REASONS = st.sampled_from([None, "because"])
MAX_LOSSES = st.sampled_from([20, 1, 0])
PICKS = st.lists(st.integers(0, 99), min_size=1, max_size=4)

NEW_JOBS = st.builds(
    NewJob,
    id=st.just(""),
    name=st.sampled_from(["test:a", "test:a", "test:b", "test:b", "test:unloaded"]),
    queue=st.sampled_from(["one", "two", "three"]),
    priority=st.sampled_from([0, 0, 0, -1, 1]),
    payload=st.integers(0, 9).map(str),
    delay=st.sampled_from([0.0, 0.0, 0.0, 0.0, FAR]),
    run_at=st.sampled_from([None, None, None, *PAST]),
    expires_in=st.sampled_from([None, None, None, None, FAR, 0.0]),
    partition_key=st.sampled_from([None, "k1", "k2"]),
)
RULES = st.sampled_from(["skip", "raise", "replace"])
UNIQUE_JOBS = st.builds(
    lambda job, key, window, rule: structs.replace(job, unique_key=key, unique_for=window, on_conflict=rule),
    NEW_JOBS,
    st.sampled_from(["u1", "u2"]),
    st.sampled_from([None, None, FAR]),
    RULES,
)
GIVEN_JOBS = st.builds(
    lambda job, job_id, rule: structs.replace(job, id=job_id, given_id=True, on_conflict=rule),
    NEW_JOBS,
    st.sampled_from(["given-1", "given-2", "given-3"]),
    RULES,
)
BATCHES = st.lists(st.one_of(NEW_JOBS, NEW_JOBS, UNIQUE_JOBS, GIVEN_JOBS), min_size=1, max_size=6)

KINDS: dict[type[Outcome], st.SearchStrategy[Outcome]] = {
    Completed: st.builds(Completed, result=st.sampled_from([None, "1", "2"])),
    Retried: st.builds(Retried, error=ERRORS, delay=DELAYS, crash=st.booleans()),
    Failed: st.builds(Failed, error=ERRORS, reason=st.sampled_from(["exhausted", "discarded"]), crash=st.booleans()),
    Cancelled: st.builds(Cancelled, reason=REASONS),
    Snoozed: st.builds(Snoozed, delay=DELAYS),
    Released: st.builds(Released),
    Suspected: st.builds(Suspected, error=ERRORS),
}
# One of each kind in any order: drawn one by one, some kinds would hardly ever come.
OUTCOMES = st.permutations(list(KINDS)).flatmap(lambda kinds: st.tuples(*(KINDS[kind] for kind in kinds)))

DEMANDS = st.builds(
    Demand,
    limit=st.just(0),
    names=st.just(frozenset({"test:a", "test:b"})),
    queues=st.sampled_from([(), (), (Share("one"), Share("two")), (Share("two", 3), Share("one", 1))]),
    exclude=st.sampled_from([frozenset(), frozenset(), frozenset({"one"})]),
    weighted=st.booleans(),
).map(lambda demand: structs.replace(demand, weighted=demand.weighted and bool(demand.queues)))
