-- Waiting jobs that were to start by now.
SELECT
    seq, name, run_at, attempt, crashes, losses, alone, worker, started_at, unique_key, unique_for, cancel_requested,
    cancel_reason
FROM jobq_job
WHERE expires_at <= :now AND state IN ('scheduled', 'pending', 'retrying')
ORDER BY expires_at
LIMIT :limit
