-- Copy a live job to those that have ended. What has changed since its row was read is given; the rest is as it was.
INSERT INTO jobq_done (
    seq, id, name, queue, priority, partition_key, state, reason, result, run_at, payload, metadata, tags,
    attempt, crashes, losses, rounds, max_attempts, max_crashes, timeout, backoff, unique_key, unique_for,
    keep_completed, keep_failed, schedule, batch_id, percent, message, checkpoint, worker, settled_token,
    cancel_requested, created_at, updated_at, started_at, finished_at, expires_at
)
SELECT
    seq, id, name, queue, priority, partition_key, :state, :reason, :result, :run_at, payload, metadata, tags,
    :attempt, :crashes, :losses, rounds, max_attempts, max_crashes, timeout, backoff, unique_key, unique_for,
    keep_completed, keep_failed, schedule, batch_id, percent, message, checkpoint, worker,
    ifnull(:token, settled_token), cancel_requested, created_at, :now, :started_at, :now, expires_at
FROM jobq_job
WHERE seq = :seq
