-- Put jobs back in line by hand: those that have ended without success, with a new round of attempts, and those that
-- wait for their time. One that needs its unique key again is left out when another job has it by now, and of two
-- that need the same one the first in the list is taken.
WITH moment AS MATERIALIZED (
  SELECT pg_current_xact_id() AS xid, clock_timestamp() AS now
), asked AS (
  SELECT a.id, min(a.place) AS place
  FROM json_array_elements_text(%(ids)s::json) WITH ORDINALITY AS a (id, place) GROUP BY a.id
), waiting AS MATERIALIZED (
  SELECT j.id FROM jobq.job AS j JOIN asked ON asked.id = j.id
  WHERE j.state IN ('retrying', 'scheduled')
  ORDER BY j.id
  FOR UPDATE OF j
), ended AS MATERIALIZED (
  SELECT d.id, d.name, d.unique_key, d.unique_for, d.created_at, asked.place
  FROM jobq.done AS d JOIN asked ON asked.id = d.id
  WHERE d.state IN ('failed', 'cancelled')
  ORDER BY d.id
  FOR UPDATE OF d
), wanted AS (
  SELECT DISTINCT ON (ended.name, ended.unique_key) ended.* FROM ended
  WHERE ended.unique_key IS NOT NULL
  ORDER BY ended.name, ended.unique_key, ended.place
), taken AS (
  INSERT INTO jobq.unique_key AS held (name, key, id, until)
  SELECT name, unique_key, id, created_at + unique_for * interval '1 second' FROM wanted
  ON CONFLICT (name, key) DO UPDATE SET id = excluded.id, until = excluded.until
  WHERE held.id = excluded.id OR held.until <= clock_timestamp()
  RETURNING held.id
), back AS (
  DELETE FROM jobq.done AS d USING ended
  WHERE d.id = ended.id AND (ended.unique_key IS NULL OR EXISTS (SELECT FROM taken WHERE taken.id = ended.id))
  RETURNING d.*
), revived AS (
  INSERT INTO jobq.job (
    seq, run_at, ready_at, created_at, updated_at, settled_token, priority, attempt, rounds, id, state, queue, name,
    partition_key, payload, metadata, tags, max_attempts, max_crashes, timeout, backoff, unique_key, unique_for,
    keep_completed, keep_failed, schedule, checkpoint, percent, message)
  SELECT
    seq, moment.now + %(delay)s * interval '1 second', moment.now + %(delay)s * interval '1 second', created_at,
    moment.now, settled_token, priority, attempt, rounds + 1, id,
    CASE WHEN %(delay)s > 0 THEN 'scheduled' ELSE 'pending' END, queue, name,
    partition_key, payload, metadata, tags, max_attempts, max_crashes, timeout, backoff, unique_key, unique_for,
    keep_completed, keep_failed, schedule, checkpoint, percent, message
  FROM moment CROSS JOIN back
), moved AS (
  UPDATE jobq.job AS j SET
    state = CASE WHEN %(delay)s > 0 THEN 'scheduled' ELSE 'pending' END,
    run_at = moment.now + %(delay)s * interval '1 second', ready_at = moment.now + %(delay)s * interval '1 second',
    updated_at = moment.now, expires_at = NULL, crashes = 0, losses = 0, alone = false, cancel_requested = false,
    cancel_reason = NULL
  FROM moment, waiting WHERE j.id = waiting.id
), hint AS MATERIALIZED (
  SELECT pg_notify('jobq', '') AS sent
  WHERE EXISTS (SELECT FROM jobq.session WHERE waiting AND lease_until > statement_timestamp())
)
SELECT changed.id
FROM (SELECT back.id FROM back UNION ALL SELECT waiting.id FROM waiting) AS changed LEFT JOIN hint ON true
