-- Cancel jobs that wait, and ask the workers of running ones. A job that is just being claimed is waited for, and
-- then it runs. The ids that were cancelled or asked for come back.
WITH mine AS MATERIALIZED (
  SELECT j.seq, j.id, j.session, clock_timestamp() AS now
  FROM jobq.spec AS s JOIN jobq.job AS j ON j.seq = s.seq
  WHERE s.id = ANY (ARRAY(SELECT json_array_elements_text(%(ids)s::json)))
  ORDER BY j.seq
  FOR UPDATE OF j
), gone AS (
  DELETE FROM jobq.job AS j USING mine WHERE j.seq = mine.seq AND mine.session IS NULL
  RETURNING j.*, mine.now
), freed AS (
  DELETE FROM jobq.unique_key AS held USING gone
  WHERE gone.unique_key IS NOT NULL AND held.name = gone.name AND held.key = gone.unique_key AND held.id = gone.id
), filed AS (
  INSERT INTO jobq.done (
    seq, run_at, finished_at, expires_at, settled_token, attempt, crashes, losses, rounds, cancel_requested, state,
    queue, name, checkpoint, percent, message, reason)
  SELECT
    seq, run_at, now, expires_at, settled_token, attempt, crashes, losses, rounds, cancel_requested, 'cancelled',
    queue, name, checkpoint, percent, message, %(reason)s
  FROM gone
), marked AS (
  UPDATE jobq.job AS j SET cancel_requested = true, cancel_reason = %(reason)s
  FROM mine WHERE j.seq = mine.seq AND mine.session IS NOT NULL
), posted AS (
  INSERT INTO jobq.command (session, command)
  SELECT mine.session, json_build_object('kind', %(kind)s::text, 'job_id', mine.id, 'reason', %(reason)s::text)::text
  FROM mine WHERE mine.session IS NOT NULL
  RETURNING number
), hint AS MATERIALIZED (
  SELECT pg_notify('jobq', '') AS sent WHERE EXISTS (SELECT FROM posted)
)
SELECT mine.id FROM mine LEFT JOIN hint ON true
