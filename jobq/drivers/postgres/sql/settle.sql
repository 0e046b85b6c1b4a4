-- Record what became of jobs that were not simply done: they end, or go back in line. What somebody asked to cancel
-- meanwhile does not go back in line. Only the claim that was given out last settles; those that it applied to come
-- back. Rows are locked in the order of their places, as everywhere.
WITH moment AS MATERIALIZED (
  SELECT pg_current_xact_id() AS xid, clock_timestamp() AS now
), told AS (
  SELECT * FROM json_to_recordset(%(settlements)s::json) AS s (
    seq bigint, id text, token bigint, elapsed float8, state text, delay float8, taken_back integer, crash integer,
    alone boolean, reason text, error json)
), mine AS MATERIALIZED (
  SELECT j.seq, j.attempt, told.token, told.taken_back, told.crash, told.alone, told.error, moment.now,
    moment.now - told.elapsed * interval '1 second' AS started_at,
    moment.now + told.delay * interval '1 second' AS delayed_until,
    CASE WHEN j.cancel_requested AND told.state <> 'failed' THEN 'cancelled' ELSE told.state END AS state,
    CASE WHEN told.state = 'failed' THEN told.reason ELSE coalesce(told.reason, j.cancel_reason) END AS reason
  FROM moment CROSS JOIN told
  JOIN jobq.job AS j ON j.seq = told.seq AND j.token = told.token AND j.id = told.id
  ORDER BY j.seq
  FOR UPDATE OF j
), blamed AS (
  INSERT INTO jobq.attempt (job, attempt, at, type, message, traceback, worker)
  SELECT mine.seq, mine.attempt, mine.now, e.type, e.message, e.traceback, %(worker)s
  FROM mine CROSS JOIN LATERAL json_to_record(mine.error) AS e (type text, message text, traceback text)
  WHERE mine.error IS NOT NULL
), gone AS (
  DELETE FROM jobq.job AS j USING mine
  WHERE j.seq = mine.seq AND mine.state IN ('failed', 'cancelled')
  RETURNING j.*, mine.started_at AS began_at, mine.now, mine.state AS became, mine.reason, mine.taken_back, mine.crash
), freed AS (
  DELETE FROM jobq.unique_key AS held USING gone
  WHERE gone.unique_key IS NOT NULL AND held.name = gone.name AND held.key = gone.unique_key AND held.id = gone.id
), filed AS (
  INSERT INTO jobq.done (
    seq, run_at, started_at, finished_at, expires_at, settled_token, attempt, crashes, losses, rounds,
    cancel_requested, state, queue, name, checkpoint, percent, message, reason, worker)
  SELECT
    seq, run_at, began_at, now, expires_at, token, attempt - taken_back, crashes + crash, losses, rounds,
    cancel_requested, became, queue, name, checkpoint, percent, message, reason, %(worker)s
  FROM gone
), back AS (
  UPDATE jobq.job AS j SET
    state = mine.state, settled_token = j.token, token = NULL, session = NULL, started_at = NULL,
    updated_at = mine.now, run_at = coalesce(mine.delayed_until, j.run_at),
    ready_at = greatest(coalesce(mine.delayed_until, j.run_at), mine.now),
    attempt = j.attempt - mine.taken_back, crashes = j.crashes + mine.crash, alone = coalesce(mine.alone, j.alone)
  FROM mine WHERE j.seq = mine.seq AND mine.state NOT IN ('failed', 'cancelled')
), hint AS MATERIALIZED (
  SELECT pg_notify('jobq', '') AS sent
  WHERE EXISTS (SELECT FROM jobq.session WHERE waiting AND lease_until > statement_timestamp())
)
SELECT mine.seq, mine.token FROM mine LEFT JOIN hint ON true
