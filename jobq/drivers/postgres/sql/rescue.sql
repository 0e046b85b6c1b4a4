-- Take back what lost workers hold, in one statement against the table as it is: what somebody settles at the same
-- time is settled, not rescued.
WITH moment AS MATERIALIZED (
  SELECT pg_current_xact_id() AS xid, clock_timestamp() AS now
), mine AS MATERIALIZED (
  SELECT j.seq, j.attempt, s.name AS worker, moment.now,
    CASE WHEN j.losses >= %(max_losses)s THEN 'failed' WHEN j.cancel_requested THEN 'cancelled' ELSE 'pending' END
      AS state,
    CASE WHEN j.losses >= %(max_losses)s THEN 'lost' ELSE j.cancel_reason END AS reason
  FROM moment CROSS JOIN jobq.session AS s JOIN jobq.job AS j ON j.session = s.number
  WHERE s.state = 'lost'
  ORDER BY j.seq
  FOR UPDATE OF j SKIP LOCKED
), blamed AS (
  INSERT INTO jobq.attempt (job, attempt, at, type, message, worker)
  SELECT mine.seq, mine.attempt, mine.now, 'WorkerLost', 'the worker stopped renewing its lease', mine.worker
  FROM mine
), gone AS (
  DELETE FROM jobq.job AS j USING mine WHERE j.seq = mine.seq AND mine.state <> 'pending'
  RETURNING j.*, mine.now, mine.state AS became, mine.reason, mine.worker
), freed AS (
  DELETE FROM jobq.unique_key AS held USING gone
  WHERE gone.unique_key IS NOT NULL AND held.name = gone.name AND held.key = gone.unique_key AND held.id = gone.id
), filed AS (
  INSERT INTO jobq.done (
    seq, run_at, started_at, finished_at, expires_at, settled_token, attempt, crashes, losses, rounds,
    cancel_requested, state, queue, name, checkpoint, percent, message, reason, worker)
  SELECT
    seq, run_at, started_at, now, expires_at, settled_token, attempt - 1, crashes, losses + 1, rounds,
    cancel_requested, became, queue, name, checkpoint, percent, message, reason, worker
  FROM gone
), back AS (
  UPDATE jobq.job AS j SET
    state = 'pending', attempt = j.attempt - 1, losses = j.losses + 1, token = NULL, session = NULL,
    started_at = NULL, updated_at = mine.now, ready_at = greatest(j.run_at, mine.now)
  FROM mine WHERE j.seq = mine.seq AND mine.state = 'pending'
), hint AS MATERIALIZED (
  SELECT pg_notify('jobq', '') AS sent
  WHERE EXISTS (SELECT FROM mine)
    AND EXISTS (SELECT FROM jobq.session WHERE waiting AND lease_until > statement_timestamp())
)
SELECT mine.seq FROM mine LEFT JOIN hint ON true
