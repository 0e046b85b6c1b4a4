-- Put jobs back in line by hand: those that have ended without success, with a new round of attempts, and those that
-- wait for their time. One that needs its unique key again is left out when another job has it by now, and of two
-- that need the same one the first in the list is taken.
WITH moment AS MATERIALIZED (
  SELECT pg_current_xact_id() AS xid, clock_timestamp() AS now
), asked AS MATERIALIZED (
  SELECT s.seq, s.id, s.name, s.queue, s.priority, s.partition_key, s.unique_key, s.unique_for, s.created_at, a.place
  FROM json_array_elements_text(%(ids)s::json) WITH ORDINALITY AS a (id, place)
  JOIN jobq.spec AS s ON s.id = a.id
), waiting AS MATERIALIZED (
  SELECT j.seq, j.id FROM asked JOIN jobq.job AS j ON j.seq = asked.seq
  WHERE j.state IN ('retrying', 'scheduled')
  ORDER BY j.seq
  FOR UPDATE OF j
), ended AS MATERIALIZED (
  SELECT d.seq FROM asked JOIN jobq.done AS d ON d.seq = asked.seq
  WHERE d.state IN ('failed', 'cancelled')
  ORDER BY d.seq
  FOR UPDATE OF d
), wanted AS (
  SELECT DISTINCT ON (asked.name, asked.unique_key) asked.*
  FROM asked WHERE asked.unique_key IS NOT NULL AND asked.seq IN (SELECT ended.seq FROM ended)
  ORDER BY asked.name, asked.unique_key, asked.place
), taken AS (
  INSERT INTO jobq.unique_key AS held (name, key, id, until)
  SELECT name, unique_key, id, created_at + unique_for * interval '1 second' FROM wanted
  ON CONFLICT (name, key) DO UPDATE SET id = excluded.id, until = excluded.until
  WHERE held.id = excluded.id OR held.until <= clock_timestamp()
  RETURNING held.id
), back AS MATERIALIZED (
  SELECT asked.* FROM asked
  WHERE asked.seq IN (SELECT ended.seq FROM ended)
    AND (asked.unique_key IS NULL OR asked.id IN (SELECT taken.id FROM taken))
), reopened AS (
  DELETE FROM jobq.done AS d USING back WHERE d.seq = back.seq
  RETURNING d.*
), revived AS (
  INSERT INTO jobq.job (
    seq, lane, run_at, ready_at, updated_at, settled_token, attempt, rounds, id, state, queue, name, unique_key,
    checkpoint, percent, message)
  SELECT
    d.seq, jobq.lane_of(back.queue, back.priority, back.name, back.partition_key),
    moment.now + %(delay)s * interval '1 second', moment.now + %(delay)s * interval '1 second', moment.now,
    d.settled_token, d.attempt, d.rounds + 1, back.id,
    CASE WHEN %(delay)s > 0 THEN 'scheduled' ELSE 'pending' END, back.queue, back.name,
    CASE WHEN back.unique_for IS NULL THEN back.unique_key END, d.checkpoint, d.percent, d.message
  FROM moment CROSS JOIN reopened AS d JOIN back ON back.seq = d.seq
), moved AS (
  UPDATE jobq.job AS j SET
    state = CASE WHEN %(delay)s > 0 THEN 'scheduled' ELSE 'pending' END,
    run_at = moment.now + %(delay)s * interval '1 second', ready_at = moment.now + %(delay)s * interval '1 second',
    updated_at = moment.now, expires_at = NULL, crashes = 0, losses = 0, alone = false, cancel_requested = false,
    cancel_reason = NULL
  FROM moment, waiting WHERE j.seq = waiting.seq
), hint AS MATERIALIZED (
  SELECT pg_notify('jobq', '') AS sent
  WHERE EXISTS (SELECT FROM jobq.session WHERE waiting AND lease_until > statement_timestamp())
)
SELECT changed.id
FROM (SELECT back.id FROM back UNION ALL SELECT waiting.id FROM waiting) AS changed LEFT JOIN hint ON true
