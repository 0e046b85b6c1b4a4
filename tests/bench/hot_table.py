"""Which shape must the table of live jobs have, so that it stays fast on a bad day? Run it:

    python tests/bench/hot_table.py --dsn postgresql://… --seconds 30

Everything that hurts happens at once: five priorities, 1,000 partition keys, 100,000 jobs that nobody can run
(half in a paused queue, half without a handler, all of them first in line), a long runner every two seconds,
one producer that keeps up to 4,000 jobs waiting, two consumers that claim and finish 200 at a time. Each shape
runs with the horizon free, and with a snapshot and a transaction id held open by somebody else.

The shapes are raw SQL with the same columns, so that only the shape differs. The schema `hot_table` is dropped.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing as mp
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from typing import Any, NamedTuple, Protocol

import psycopg

from jobq.rotation import Lane, Rotation

Connection = psycopg.Connection[Any]
BATCH, WAITING, RUNNERS_EVERY, WINDOW = 200, 4000, 2.0, 5.0
BEGINNING = (datetime(2000, 1, 1, tzinfo=UTC), 0)
COLUMNS = """id bigint GENERATED ALWAYS AS IDENTITY, queue text NOT NULL, priority int NOT NULL, name text NOT NULL,
  key text NOT NULL, run_at timestamptz NOT NULL DEFAULT clock_timestamp(), state text NOT NULL DEFAULT 'pending',
  token bigint, payload text NOT NULL"""
VACUUM = "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0"
RECORD = "INSERT INTO done SELECT id, queue, payload, clock_timestamp() FROM gone"


class Shape(Protocol):
    """How live jobs are kept, and what a consumer remembers between two claims."""

    def setup(self, db: Connection) -> None: ...
    def insert(self, db: Connection, rows: Sequence[tuple[str, int, str, str, str]]) -> None: ...
    def claim(self, db: Connection, limit: int) -> list[tuple[Any, ...]]: ...
    def finish(self, db: Connection, claims: Sequence[tuple[Any, ...]]) -> None: ...


class Ordered:
    """One table in the order of the claim, which is what most queues do."""

    claim_sql = """
        WITH picked AS MATERIALIZED (
          SELECT ctid FROM job WHERE queue = 'default' AND state = 'pending' AND name = 'work' AND run_at <= now()
          ORDER BY priority, run_at, id LIMIT %s FOR UPDATE SKIP LOCKED)
        UPDATE job SET state = 'running', token = nextval('token')
        WHERE ctid = ANY (ARRAY(SELECT ctid FROM picked)) RETURNING id, payload"""

    def setup(self, db: Connection) -> None:
        db.execute(f"CREATE TABLE job ({COLUMNS}, PRIMARY KEY (id)) WITH ({VACUUM})")
        db.execute("CREATE INDEX ON job (queue, priority, run_at, id) WHERE state = 'pending'")

    def insert(self, db: Connection, rows: Sequence[tuple[str, int, str, str, str]]) -> None:
        copy_into(db, "job", rows)

    def claim(self, db: Connection, limit: int) -> list[tuple[Any, ...]]:
        return db.execute(self.claim_sql, (limit,)).fetchall()

    def finish(self, db: Connection, claims: Sequence[tuple[Any, ...]]) -> None:
        ids = [claim[0] for claim in claims]
        db.execute(f"WITH gone AS (DELETE FROM job WHERE id = ANY (%s) RETURNING *) {RECORD}", (ids,))


class Lanes(Ordered):
    """One table. A lane is read from where it was left; what came since is read from the index on `ready_at`.

    A consumer keeps the lanes that have work, each with a start. News are the rows whose `ready_at` lies after
    the last look, or after a transaction that was open then was first seen: so a late commit is not overlooked.
    """

    claim_sql = """
        WITH picked AS MATERIALIZED (
          SELECT head.ctid
          FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[], %s::int[]) AS w (lane, since, after, take)
          CROSS JOIN LATERAL (
            SELECT j.ctid FROM job j
            WHERE j.lane = w.lane AND j.state = 'pending' AND (j.run_at, j.id) >= (w.since, w.after)
              AND j.run_at <= now() ORDER BY j.run_at, j.id LIMIT w.take FOR UPDATE SKIP LOCKED) AS head)
        UPDATE job SET state = 'running', token = nextval('token')
        WHERE ctid = ANY (ARRAY(SELECT ctid FROM picked)) RETURNING id, payload, lane, run_at"""
    news_sql = """
        WITH late AS (
          SELECT min(o.seen) AS seen FROM unnest(%s::xid8[], %s::timestamptz[]) AS o (xid, seen)
          WHERE pg_visible_in_snapshot(o.xid, pg_current_snapshot()))
        SELECT now(), pg_current_snapshot()::text, news.* FROM (VALUES (1)) AS always LEFT JOIN (
          SELECT lane, queue, priority, name, key, min(run_at), min(id), max(run_at), max(id) FROM job
          WHERE state = 'pending' AND ready_at <= now()
            AND ready_at > least(%s, (SELECT seen FROM late)) - interval '50 ms'
          GROUP BY lane, queue, priority, name, key ORDER BY min(id)) AS news ON true"""

    def __init__(self) -> None:
        self.known: dict[Lane, int] = {}
        self.starts: dict[int, tuple[datetime, int]] = {}
        self.lasts: dict[int, tuple[datetime, int]] = {}
        self.rotation = Rotation([], frozenset({"work"}), frozenset({"paused"}), weighted=False)
        self.looked_at, self.next_look = BEGINNING[0], 0.0
        self.open: dict[str, datetime] = {}

    def setup(self, db: Connection) -> None:
        lane = "hashtextextended(queue || ' ' || priority::text || ' ' || name || ' ' || key, 0)"
        more = (
            f"ready_at timestamptz NOT NULL DEFAULT clock_timestamp(), lane bigint GENERATED ALWAYS AS ({lane}) STORED"
        )
        db.execute(f"CREATE TABLE job ({COLUMNS}, {more}, PRIMARY KEY (id)) WITH ({VACUUM})")
        db.execute("CREATE INDEX ON job (lane, run_at, id) WHERE state = 'pending'")
        db.execute("CREATE INDEX ON job (ready_at) WHERE state = 'pending'")

    def claim(self, db: Connection, limit: int) -> list[tuple[Any, ...]]:
        if (now := time.monotonic()) >= self.next_look:
            self.look(db)
            self.next_look = time.monotonic() + max(0.02, 9 * (time.monotonic() - now))
        claims: list[tuple[Any, ...]] = []
        while len(claims) < limit and (course := self.rotation.course(limit - len(claims))):
            contested = self.run_course(db, course, claims)
            if contested and len(claims) > limit // 2:
                break
        return claims

    def look(self, db: Connection) -> None:
        rows = db.execute(self.news_sql, (list(self.open), list(self.open.values()), self.looked_at)).fetchall()
        now, snapshot = rows[0][:2]
        running = filter(None, snapshot.split(":")[2].split(","))
        self.open = {xid: self.open.get(xid, self.looked_at) for xid in running}
        self.looked_at = now
        for _, _, hash_, queue, priority, name, key, *place in rows:
            if hash_ is not None and self.rotation.accepts(lane := Lane(queue, priority, name, key)):
                self.known[lane] = hash_
                first, last = (place[0], place[1]), (place[2], place[3])
                self.starts[hash_] = min(self.starts.get(hash_, first), first)
                self.lasts[hash_] = max(self.lasts.get(hash_, last), last)
                self.rotation.add(lane)

    def run_course(self, db: Connection, course: Sequence[Any], claims: list[tuple[Any, ...]]) -> bool:
        """Claim one course; True when somebody else was faster somewhere."""
        lanes = {self.known[turn.lanes[0]]: turn for turn in course}
        starts = [self.starts[hash_] for hash_ in lanes]
        takes = [turn.take for turn in course]
        where = list(lanes), [since for since, _ in starts], [after for _, after in starts], takes
        rows = db.execute(self.claim_sql, where).fetchall()
        claims += rows
        taken = Counter(row[2] for row in rows)
        for id_, _, hash_, run_at in rows:
            self.starts[hash_] = max(self.starts[hash_], (run_at, id_))
        contested = False
        for hash_, turn in lanes.items():
            done = self.starts[hash_] >= self.lasts[hash_]
            contested |= taken[hash_] < turn.take and not done
            if done or taken[hash_] < turn.take:
                self.rotation.discard(turn.lanes[0])
                del self.starts[hash_], self.lasts[hash_], self.known[turn.lanes[0]]
        return contested


class Ring(Ordered):
    """Six tables in turn: every two seconds the next empty one takes the inserts, a drained one is truncated."""

    size = 6
    claim_sql = Ordered.claim_sql

    def __init__(self) -> None:
        self.current, self.since = 0, 0.0

    def setup(self, db: Connection) -> None:
        for number in range(self.size):
            db.execute(f"CREATE TABLE job_{number} ({COLUMNS}, PRIMARY KEY (id)) WITH ({VACUUM})")
            db.execute(f"CREATE INDEX ON job_{number} (queue, priority, run_at, id) WHERE state = 'pending'")
        db.execute("CREATE TABLE ring (current int NOT NULL, turned_at timestamptz NOT NULL)")
        db.execute("INSERT INTO ring VALUES (0, clock_timestamp())")

    def insert(self, db: Connection, rows: Sequence[tuple[str, int, str, str, str]]) -> None:
        if time.monotonic() - self.since > RUNNERS_EVERY:
            self.since = time.monotonic()
            self.turn(db)
        copy_into(db, f"job_{self.current}", rows)

    def turn(self, db: Connection) -> None:
        """Move on to the next table if it is empty; what is pinned by a long runner or by idle jobs stays."""
        for step in range(1, self.size):
            number = (self.current + step) % self.size
            if not db.execute(f"SELECT EXISTS (SELECT FROM job_{number})").fetchone()[0]:  # type: ignore[index]
                with db.transaction():
                    db.execute(f"TRUNCATE job_{number}")
                    db.execute("UPDATE ring SET current = %s, turned_at = clock_timestamp()", (number,))
                self.current = number
                return

    def claim(self, db: Connection, limit: int) -> list[tuple[Any, ...]]:
        current = db.execute("SELECT current FROM ring").fetchone()[0]  # type: ignore[index]
        claims: list[tuple[Any, ...]] = []
        for step in range(1, self.size + 1):
            number = (current + step) % self.size
            sql = self.claim_sql.replace("FROM job ", f"FROM job_{number} ").replace(
                "UPDATE job ", f"UPDATE job_{number} "
            )
            claims += [(*row, number) for row in db.execute(sql, (limit - len(claims),))]
            if len(claims) >= limit:
                break
        return claims

    def finish(self, db: Connection, claims: Sequence[tuple[Any, ...]]) -> None:
        by_table = defaultdict(list)
        for claim in claims:
            by_table[claim[-1]].append(claim[0])
        for number, ids in sorted(by_table.items()):
            db.execute(f"WITH gone AS (DELETE FROM job_{number} WHERE id = ANY (%s) RETURNING *) {RECORD}", (ids,))


SHAPES: dict[str, type[Any]] = {
    "ordered": Ordered,
    "lanes": Lanes,
    "ring of 6": Ring,
}


class Result(NamedTuple):
    """Jobs/s in successive windows, and the slowest percent of the claims in the first and the last of them."""

    rates: list[float]
    first_p99: float
    last_p99: float


def copy_into(db: Connection, table: str, rows: Sequence[tuple[str, int, str, str, str]]) -> None:
    with db.cursor().copy(f"COPY {table} (queue, priority, name, key, payload) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


@contextmanager
def opened(dsn: str) -> Iterator[Connection]:
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute("SET search_path = hot_table")
        yield db


def idle_jobs() -> list[tuple[str, int, str, str, str]]:
    """Jobs that nobody can run, before everything else in line."""
    paused = [("paused", -20, "work", f"key-{n % 1000}", "{}") for n in range(50_000)]
    return paused + [("default", -20, "no-handler", f"key-{n % 1000}", "{}") for n in range(50_000)]


def prepare(dsn: str, shape: Shape) -> None:
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute("DROP SCHEMA IF EXISTS hot_table CASCADE")
        db.execute("CREATE SCHEMA hot_table")
    with opened(dsn) as db:
        db.execute("CREATE SEQUENCE token CACHE 32")
        db.execute("CREATE TABLE done (id bigint, queue text, payload text, at timestamptz)")
        shape.setup(db)


def produce(dsn: str, name: str, stop: Event, claimed: Any, ready: Any) -> None:
    """Keep the consumers fed, without letting more than `WAITING` jobs pile up."""
    dice, shape, sent = random.Random(1), SHAPES[name](), 0
    with opened(dsn) as db:
        shape.insert(db, idle_jobs())
        db.execute("ANALYZE")
        ready.wait()
        while not stop.is_set():
            room = WAITING - (sent - claimed.value)
            if room < 100:
                time.sleep(0.002)
                continue
            rows = [
                (
                    "default",
                    dice.choice((-10, 0, 5, 10, 20)),
                    "work",
                    f"key-{dice.randrange(1000)}",
                    '{"n": 1}' + " " * 190,
                )
                for _ in range(min(500, room))
            ]
            shape.insert(db, rows)
            sent += len(rows)


def consume(dsn: str, name: str, stop: Event, claimed: Any, ready: Any, results: Any) -> None:  # noqa: PLR0917
    """Claim and finish, but keep one job running for good every two seconds."""
    shape, samples, next_runner = SHAPES[name](), [], 0.0
    with opened(dsn) as db:
        ready.wait()
        began = time.monotonic()
        while not stop.is_set():
            start = time.monotonic()
            claims = shape.claim(db, BATCH)
            took = time.monotonic() - start
            if not claims:
                time.sleep(0.002)
                continue
            with claimed.get_lock():
                claimed.value += len(claims)
            samples.append((start - began, took, len(claims)))
            if start >= next_runner:
                next_runner = start + RUNNERS_EVERY
                claims = claims[1:]
            shape.finish(db, claims)
    results.put(samples)


def summary(samples: Sequence[tuple[float, float, int]], seconds: float) -> Result:
    windows = [[s for s in samples if w * WINDOW <= s[0] < (w + 1) * WINDOW] for w in range(int(seconds / WINDOW))]
    slow = [sorted(s[1] for s in window)[int(0.99 * len(window))] if window else float("nan") for window in windows]
    return Result([sum(s[2] for s in window) / WINDOW for window in windows], slow[0] * 1000, slow[-1] * 1000)


def run(dsn: str, name: str, seconds: float, *, held: bool) -> Result:
    prepare(dsn, SHAPES[name]())
    context = mp.get_context("spawn")
    stop, claimed, results, ready = context.Event(), context.Value("q", 0), context.Queue(), context.Barrier(4)
    workers = [context.Process(target=consume, args=(dsn, name, stop, claimed, ready, results)) for _ in range(2)]
    workers.append(context.Process(target=produce, args=(dsn, name, stop, claimed, ready)))
    for worker in workers:
        worker.start()
    with psycopg.connect(dsn) as holder:
        if held:
            holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            holder.execute("SELECT pg_current_xact_id(), count(*) FROM pg_class")
        ready.wait()
        time.sleep(seconds)
        stop.set()
        samples = list(itertools.chain(results.get(), results.get()))
        for worker in workers:
            worker.join()
    return summary(samples, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--shapes", default=",".join(SHAPES))
    options = parser.parse_args()
    print(f"| live jobs in | horizon | jobs/s in windows of {WINDOW:.0f} s | claim p99 first → last, ms |")
    print("|---|---|---|---|")
    for held, name in itertools.product((False, True), options.shapes.split(",")):
        result = run(options.dsn, name, options.seconds, held=held)
        rates = " ".join(f"{rate:,.0f}" for rate in result.rates)
        print(
            f"| {name} | {'held' if held else 'free'} | {rates} | {result.first_p99:.1f} → {result.last_p99:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
