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
)
UPDATE jobq.job AS j SET
  state = 'running', attempt = j.attempt + 1, token = nextval('jobq.token'), session = %(session)s,
  started_at = statement_timestamp(), updated_at = statement_timestamp()
WHERE j.ctid = ANY (ARRAY(SELECT picked.ctid FROM picked))
RETURNING
  pg_current_xact_id()::text, j.updated_at, j.lane, j.seq,
  j.id, j.token::text, j.name, j.queue, j.attempt, j.payload, j.priority, j.crashes, j.losses, j.rounds, j.alone,
  j.max_attempts, j.max_crashes, j.timeout, j.backoff, j.metadata, j.tags, j.unique_key, j.partition_key,
  j.schedule, j.checkpoint, j.run_at, j.created_at, j.expires_at
