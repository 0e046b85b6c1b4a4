-- What a worker is told of a job that it is about to run.
SELECT
    id, name, queue, priority, partition_key, run_at, payload, metadata, tags, attempt, crashes, losses, rounds, alone,
    max_attempts, max_crashes, timeout, backoff, unique_key, schedule, batch_id, checkpoint, created_at, expires_at
FROM jobq_job
WHERE seq = :seq
