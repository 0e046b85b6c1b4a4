-- A live job by its id.
SELECT
    seq, name, state, run_at, attempt, crashes, losses, alone, session, worker, started_at, unique_key, unique_for,
    cancel_requested, cancel_reason
FROM jobq_job
WHERE id = :id
