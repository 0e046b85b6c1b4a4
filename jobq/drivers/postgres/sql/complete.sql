-- Record jobs that are done: they leave the live jobs, and their unique keys are free, in this one statement.
-- Only the claim that was given out last settles; those that it applied to come back.
WITH told AS (
  SELECT * FROM json_to_recordset(%(settlements)s::json) AS s (id text, token text, elapsed float8, result text)
), gone AS (
  DELETE FROM jobq.job AS j USING told
  WHERE j.id = told.id AND j.token::text = told.token
  RETURNING j.*, told.elapsed, told.result, clock_timestamp() AS now
), freed AS (
  DELETE FROM jobq.unique_key AS held USING gone
  WHERE gone.unique_key IS NOT NULL AND gone.unique_for IS NULL
    AND held.name = gone.name AND held.key = gone.unique_key AND held.id = gone.id
), filed AS (
  INSERT INTO jobq.done (
    seq, run_at, created_at, started_at, finished_at, expires_at, settled_token, priority, attempt, crashes, losses,
    rounds, cancel_requested, id, state, queue, name, partition_key, payload, metadata, tags, max_attempts,
    max_crashes, timeout, backoff, unique_key, unique_for, keep_completed, keep_failed, schedule, checkpoint,
    percent, message, result, reason, worker)
  SELECT
    seq, run_at, created_at, now - elapsed * interval '1 second', now, expires_at, token, priority, attempt, crashes,
    losses, rounds, cancel_requested, id, 'completed', queue, name, partition_key, payload, metadata, tags,
    max_attempts, max_crashes, timeout, backoff, unique_key, unique_for, keep_completed, keep_failed, schedule,
    checkpoint, percent, message, result, NULL,
    coalesce(%(worker)s, (SELECT s.name FROM jobq.session AS s WHERE s.number = gone.session))
  FROM gone
)
SELECT id, token::text FROM gone
