-- As `claim.sql`, where some turns belong to several lanes: the names of one queue, priority and key, which share one
-- line. First it is looked up, without locks, how much of the turn falls to each lane; then that much is taken.
WITH me AS MATERIALIZED (
  SELECT s.number FROM jobq.session AS s WHERE s.number = %(session)s AND s.state <> 'lost' FOR KEY SHARE
), ask AS MATERIALIZED (
  SELECT * FROM json_to_recordset(%(asks)s::json) AS ask (
    turn integer, lane bigint, queue text, name text, since timestamptz, after bigint, take integer)
), ranked AS (
  SELECT ask.*, row_number() OVER (PARTITION BY ask.turn ORDER BY head.run_at, head.seq) AS place
  FROM ask
  CROSS JOIN LATERAL (
    SELECT j.run_at, j.seq FROM jobq.job AS j
    WHERE j.lane = ask.lane AND j.queue = ask.queue AND j.name = ask.name
      AND j.state IN ('scheduled', 'pending', 'retrying')
      AND (j.run_at, j.seq) >= (ask.since, ask.after) AND j.run_at <= statement_timestamp()
      AND (j.expires_at IS NULL OR j.expires_at > statement_timestamp())
    ORDER BY j.run_at, j.seq
    LIMIT ask.take
  ) AS head
), share AS MATERIALIZED (
  SELECT lane, queue, name, since, after, count(*) AS take
  FROM ranked WHERE place <= take
  GROUP BY turn, lane, queue, name, since, after
), picked AS MATERIALIZED (
  SELECT head.ctid
  FROM me
  CROSS JOIN share
  CROSS JOIN LATERAL (
    SELECT j.ctid FROM jobq.job AS j
    WHERE j.lane = share.lane AND j.queue = share.queue AND j.name = share.name
      AND j.state IN ('scheduled', 'pending', 'retrying')
      AND (j.run_at, j.seq) >= (share.since, share.after) AND j.run_at <= statement_timestamp()
      AND (j.expires_at IS NULL OR j.expires_at > statement_timestamp())
    ORDER BY j.run_at, j.seq
    LIMIT share.take
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
