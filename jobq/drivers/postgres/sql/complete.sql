-- Record jobs that are done: they leave the live jobs, and their unique keys are free, in this one statement.
-- Only the claim that was given out last settles; those that it applied to come back.
WITH told AS (
  SELECT * FROM json_to_recordset(%(settlements)s::json) AS s (
    seq bigint, id text, token bigint, elapsed float8, result text)
), gone AS (
  DELETE FROM jobq.job AS j USING told
  WHERE j.seq = told.seq AND j.token = told.token AND j.id = told.id
  RETURNING j.*, told.elapsed, told.result, clock_timestamp() AS now
), freed AS (
  DELETE FROM jobq.unique_key AS held USING gone
  WHERE gone.unique_key IS NOT NULL AND held.name = gone.name AND held.key = gone.unique_key AND held.id = gone.id
), filed AS (
  INSERT INTO jobq.done (
    seq, run_at, started_at, finished_at, expires_at, settled_token, attempt, crashes, losses, rounds,
    cancel_requested, state, queue, name, checkpoint, percent, message, result, worker)
  SELECT
    seq, run_at, now - elapsed * interval '1 second', now, expires_at, token, attempt, crashes, losses, rounds,
    cancel_requested, 'completed', queue, name, checkpoint, percent, message, result,
    coalesce(%(worker)s, (SELECT s.name FROM jobq.session AS s WHERE s.number = gone.session))
  FROM gone
)
SELECT seq, token FROM gone
