-- Take the first jobs of some lanes, each lane from where it was left on. Everything that decides whether a job may
-- run is here: what the worker knows of the lanes only says where to look.
-- The lock on the session and the fence (`fence.sql`) exclude each other, so a lost worker takes nothing, and what
-- it took before is there when its jobs are taken back. SKIP LOCKED: two workers never wait for each other.
-- The rows are found again by their place on disk, which cannot change while they are locked.
WITH me AS MATERIALIZED (
  SELECT s.number FROM jobq.session AS s WHERE s.number = %(session)s AND s.state <> 'lost' FOR KEY SHARE
), picked AS MATERIALIZED (
  SELECT head.ctid
  FROM me
  CROSS JOIN json_to_recordset(%(asks)s::json) AS ask (
    lane bigint, queue text, name text, since timestamptz, after bigint, take integer)
  CROSS JOIN LATERAL (
    SELECT j.ctid FROM jobq.job AS j
    WHERE j.lane = ask.lane AND j.queue = ask.queue AND j.name = ask.name
      AND j.state IN ('scheduled', 'pending', 'retrying')
      AND (j.run_at, j.seq) >= (ask.since, ask.after) AND j.run_at <= statement_timestamp()
      AND (j.expires_at IS NULL OR j.expires_at > statement_timestamp())
    ORDER BY j.run_at, j.seq
    LIMIT ask.take
    FOR UPDATE OF j SKIP LOCKED
  ) AS head
), started AS (
  UPDATE jobq.job AS j SET
    state = 'running', attempt = j.attempt + 1, token = nextval('jobq.token'), session = %(session)s,
    started_at = statement_timestamp(), updated_at = statement_timestamp()
  WHERE j.ctid = ANY (ARRAY(SELECT picked.ctid FROM picked))
  RETURNING j.*, pg_current_xact_id()::text AS xid
)
SELECT
  j.xid, j.updated_at, j.lane, j.seq,
  j.id, j.token, j.name, j.queue, j.attempt, s.payload, s.priority, j.crashes, j.losses, j.rounds, j.alone,
  s.max_attempts, s.max_crashes, s.timeout, s.backoff, s.metadata, s.tags, s.unique_key, s.partition_key,
  s.schedule, j.checkpoint, j.run_at, s.created_at, j.expires_at
FROM started AS j JOIN jobq.spec AS s ON s.seq = j.seq
