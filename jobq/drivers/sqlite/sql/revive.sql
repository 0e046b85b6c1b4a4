-- An ended job comes back to life for another round of attempts, under its old number. It has had its chance to expire.
INSERT INTO jobq_job (
    seq, id, lane, name, queue, priority, partition_key, state, run_at, payload, metadata, tags, attempt, rounds,
    max_attempts, max_crashes, timeout, backoff, unique_key, unique_for, keep_completed, keep_failed, schedule, batch_id,
    percent, message, checkpoint, settled_token, created_at, updated_at
)
SELECT
    seq, id, :lane, name, queue, priority, partition_key, :state, :run_at, payload, metadata, tags, attempt, rounds + 1,
    max_attempts, max_crashes, timeout, backoff, unique_key, unique_for, keep_completed, keep_failed, schedule, batch_id,
    percent, message, checkpoint, settled_token, created_at, :now
FROM jobq_done
WHERE seq = :seq
