-- A job that waits for its time is to run now, or at another time.
UPDATE jobq_job
SET
    state = :state,
    run_at = :run_at,
    crashes = 0,
    losses = 0,
    alone = 0,
    cancel_requested = 0,
    cancel_reason = NULL,
    expires_at = NULL,
    updated_at = :now
WHERE seq = :seq
