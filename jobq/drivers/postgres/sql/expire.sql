-- Cancel some jobs whose time was over before they started.
WITH late AS MATERIALIZED (
  SELECT j.seq, clock_timestamp() AS now FROM jobq.job AS j
  WHERE j.expires_at <= statement_timestamp() AND j.state IN ('scheduled', 'pending', 'retrying')
  ORDER BY j.expires_at
  LIMIT %(limit)s
  FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM jobq.job AS j USING late WHERE j.seq = late.seq
  RETURNING j.*, late.now
), freed AS (
  DELETE FROM jobq.unique_key AS held USING gone
  WHERE gone.unique_key IS NOT NULL AND held.name = gone.name AND held.key = gone.unique_key AND held.id = gone.id
), filed AS (
  INSERT INTO jobq.done (
    seq, run_at, finished_at, expires_at, settled_token, attempt, crashes, losses, rounds, cancel_requested, state,
    queue, name, checkpoint, percent, message, reason)
  SELECT
    seq, run_at, now, expires_at, settled_token, attempt, crashes, losses, rounds, cancel_requested, 'cancelled',
    queue, name, checkpoint, percent, message, 'expired'
  FROM gone
)
SELECT gone.seq FROM gone
