-- Replace what a waiting job is to do. It keeps who it is, its age and its history; everything else starts over.
WITH moment AS MATERIALIZED (
  SELECT pg_catalog.pg_current_xact_id() AS xid, pg_catalog.clock_timestamp() AS now
), asked AS MATERIALIZED (
  SELECT given.*, moment.now, coalesce(given.run_at, moment.now + given.delay * interval '1 second') AS due
  FROM moment CROSS JOIN pg_catalog.json_to_record(%(job)s::json) AS given (
    name text, queue text, priority integer, payload text, delay float8, run_at timestamptz, expires_in float8,
    max_attempts integer, max_crashes integer, timeout float8, backoff text, metadata text, tags text[],
    unique_key text, unique_for float8, partition_key text, keep_completed integer, keep_failed integer,
    schedule text)
), kept AS MATERIALIZED (
  SELECT s.seq, s.id, s.name, s.unique_key, s.created_at
  FROM jobq.spec AS s JOIN jobq.job AS j ON j.seq = s.seq
  WHERE s.id = %(id)s AND j.session IS NULL
  FOR UPDATE OF j
), freed AS (
  DELETE FROM jobq.unique_key AS held USING kept, asked
  WHERE held.name = kept.name AND held.key = kept.unique_key AND held.id = kept.id
    AND (kept.name, kept.unique_key) IS DISTINCT FROM (asked.name, asked.unique_key)
), timed AS (
  UPDATE jobq.unique_key AS held SET until = kept.created_at + asked.unique_for * interval '1 second'
  FROM kept, asked
  WHERE held.name = asked.name AND held.key = asked.unique_key AND held.id = kept.id
), rewritten AS (
  UPDATE jobq.spec AS s SET
    name = asked.name, queue = asked.queue, priority = asked.priority, partition_key = asked.partition_key,
    payload = asked.payload, metadata = asked.metadata, tags = asked.tags, max_attempts = asked.max_attempts,
    max_crashes = asked.max_crashes, timeout = asked.timeout, backoff = asked.backoff,
    unique_key = asked.unique_key, unique_for = asked.unique_for, keep_completed = asked.keep_completed,
    keep_failed = asked.keep_failed, schedule = asked.schedule
  FROM kept, asked WHERE s.seq = kept.seq
), hint AS MATERIALIZED (
  SELECT pg_catalog.pg_notify('jobq', '') AS sent
  WHERE EXISTS (SELECT FROM jobq.session WHERE waiting AND lease_until > pg_catalog.statement_timestamp())
)
UPDATE jobq.job AS j SET
  lane = jobq.lane_of(asked.queue, asked.priority, asked.name, asked.partition_key),
  run_at = asked.due, ready_at = greatest(asked.due, asked.now), updated_at = asked.now,
  expires_at = asked.now + asked.expires_in * interval '1 second',
  state = CASE WHEN asked.due > asked.now THEN 'scheduled' ELSE 'pending' END, queue = asked.queue, name = asked.name,
  unique_key = CASE WHEN asked.unique_for IS NULL THEN asked.unique_key END,
  attempt = 0, crashes = 0, losses = 0, rounds = 0, alone = false, checkpoint = NULL, percent = NULL, message = NULL
FROM asked, kept LEFT JOIN hint ON true
WHERE j.seq = kept.seq AND j.session IS NULL
RETURNING j.seq
