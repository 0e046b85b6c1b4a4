-- Running jobs whose worker is not there, whether it signed off, was struck off, or was never written down. Only running
-- jobs have a session, so the index keeps those that wait out of this.
SELECT
    seq, name, run_at, attempt, crashes, losses, alone, worker, started_at, unique_key, unique_for, cancel_requested,
    cancel_reason
FROM jobq_job INDEXED BY jobq_job_session
WHERE session IS NOT NULL AND session NOT IN (SELECT id FROM jobq_session)
ORDER BY session, seq
LIMIT :limit
