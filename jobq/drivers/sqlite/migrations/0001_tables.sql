-- Every name begins with jobq_, because the file may be an application's own: jobs that are enqueued in its
-- transactions must stand beside its tables. Instants are microseconds since 1970 in UTC, durations seconds.

-- Which steps have been taken here. PRAGMA user_version would be the application's, if the file is.
CREATE TABLE jobq_migration (
    number INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    applied_at INTEGER NOT NULL
);

-- The only table that a claim looks into holds only live jobs, so that a million finished ones cost it nothing.
-- `due_at` is `run_at` while the job waits and NULL otherwise: one index of the waiting line, in which running and
-- blocked jobs stand apart, and which still tells whether a lane is in use at all.
CREATE TABLE jobq_job (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    lane INTEGER NOT NULL,
    name TEXT NOT NULL,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    partition_key TEXT,
    state TEXT NOT NULL CHECK (state IN ('scheduled', 'pending', 'retrying', 'blocked', 'running')),
    run_at INTEGER NOT NULL,
    due_at INTEGER GENERATED ALWAYS AS (
        CASE WHEN state IN ('scheduled', 'pending', 'retrying') THEN run_at END
    ) VIRTUAL,
    payload TEXT NOT NULL,
    metadata TEXT NOT NULL,
    tags TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    rounds INTEGER NOT NULL DEFAULT 0,
    alone INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER,
    max_crashes INTEGER,
    timeout REAL,
    backoff TEXT,
    unique_key TEXT,
    unique_for REAL,
    keep_completed INTEGER,
    keep_failed INTEGER,
    schedule TEXT,
    batch_id TEXT,
    blocked_by TEXT,
    percent REAL,
    message TEXT,
    checkpoint TEXT,
    session TEXT,
    worker TEXT,
    token TEXT,
    settled_token TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    cancel_reason TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    started_at INTEGER,
    expires_at INTEGER
);

CREATE INDEX jobq_job_line ON jobq_job (lane, due_at);

CREATE INDEX jobq_job_session ON jobq_job (session) WHERE session IS NOT NULL;

CREATE INDEX jobq_job_expiry ON jobq_job (expires_at) WHERE expires_at IS NOT NULL;

-- Jobs that have ended. `seq` goes with the job from table to table, so that one number orders both.
CREATE TABLE jobq_done (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    partition_key TEXT,
    state TEXT NOT NULL CHECK (state IN ('completed', 'failed', 'cancelled')),
    reason TEXT,
    result TEXT,
    run_at INTEGER NOT NULL,
    payload TEXT NOT NULL,
    metadata TEXT NOT NULL,
    tags TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    crashes INTEGER NOT NULL,
    losses INTEGER NOT NULL,
    rounds INTEGER NOT NULL,
    max_attempts INTEGER,
    max_crashes INTEGER,
    timeout REAL,
    backoff TEXT,
    unique_key TEXT,
    unique_for REAL,
    keep_completed INTEGER,
    keep_failed INTEGER,
    schedule TEXT,
    batch_id TEXT,
    percent REAL,
    message TEXT,
    checkpoint TEXT,
    worker TEXT,
    settled_token TEXT,
    cancel_requested INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER NOT NULL,
    expires_at INTEGER
);

-- For lists of one state, newest first.
CREATE INDEX jobq_done_state ON jobq_done (state);

-- For pruning and for what ended lately.
CREATE INDEX jobq_done_finished ON jobq_done (state, finished_at);

-- For the counts of every queue, which are asked for often and must not read a million payloads.
CREATE INDEX jobq_done_queue ON jobq_done (queue, state, run_at);

-- Both, for whoever looks.
CREATE VIEW jobq_any AS
SELECT
    seq, id, name, queue, priority, partition_key, state, NULL AS reason, NULL AS result, run_at, payload, metadata,
    tags, attempt, crashes, losses, rounds, max_attempts, max_crashes, timeout, backoff, unique_key, schedule,
    batch_id, blocked_by, percent, message, worker, cancel_requested, created_at, updated_at, started_at,
    NULL AS finished_at, expires_at
FROM jobq_job
UNION ALL
SELECT
    seq, id, name, queue, priority, partition_key, state, reason, result, run_at, payload, metadata,
    tags, attempt, crashes, losses, rounds, max_attempts, max_crashes, timeout, backoff, unique_key, schedule,
    batch_id, NULL AS blocked_by, percent, message, worker, cancel_requested, created_at, updated_at, started_at,
    finished_at, expires_at
FROM jobq_done;

-- What went wrong in each attempt; rows are only ever added, and go when their job goes. `job` is its `seq`.
CREATE TABLE jobq_attempt (
    number INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    type TEXT NOT NULL,
    message TEXT NOT NULL,
    traceback TEXT,
    at INTEGER NOT NULL,
    worker TEXT
);

CREATE INDEX jobq_attempt_job ON jobq_attempt (job);

-- The jobs that differ only in when they came share a lane. An id is never used twice, so that a worker may keep
-- the lanes it has read and ask only for newer ones.
CREATE TABLE jobq_lane (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    name TEXT NOT NULL,
    partition_key TEXT
);

CREATE UNIQUE INDEX jobq_lane_words ON jobq_lane (queue, priority, name, partition_key);

-- Who holds a unique key: until its job is final, or until the instant `until` whatever becomes of the job.
CREATE TABLE jobq_unique_key (
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    job INTEGER NOT NULL,
    until INTEGER,
    PRIMARY KEY (name, key)
) WITHOUT ROWID;

CREATE INDEX jobq_unique_key_until ON jobq_unique_key (until) WHERE until IS NOT NULL;

-- Workers whose lease has not been taken from them. `info` is what they said of themselves, as JSON; `lease` is in
-- microseconds. A session that is not here is lost: closing and losing one leave the same trace.
CREATE TABLE jobq_session (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    info TEXT NOT NULL,
    state TEXT NOT NULL,
    processes INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL
);

-- The newest declaration of every handler that a worker has registered, as JSON.
CREATE TABLE jobq_handler (
    name TEXT NOT NULL PRIMARY KEY,
    info TEXT NOT NULL,
    registered_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Messages to workers that they have not read yet.
CREATE TABLE jobq_control (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    kind TEXT NOT NULL,
    job_id TEXT,
    value INTEGER,
    reason TEXT
);

CREATE INDEX jobq_control_session ON jobq_control (session);

-- Sockets of processes that want to be woken.
CREATE TABLE jobq_listener (
    address TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;

-- One row: the last token that was given out, and how often lanes have been taken away.
CREATE TABLE jobq_counter (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    token INTEGER NOT NULL,
    lanes_pruned INTEGER NOT NULL
);

INSERT INTO jobq_counter (only, token, lanes_pruned) VALUES (1, 0, 0);
