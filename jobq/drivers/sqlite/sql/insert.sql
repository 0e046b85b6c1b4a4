-- A new job, at the end of its lane.
INSERT INTO jobq_job (
    id, lane, name, queue, priority, partition_key, state, run_at, payload, metadata, tags, max_attempts, max_crashes,
    timeout, backoff, unique_key, unique_for, keep_completed, keep_failed, schedule, created_at, updated_at, expires_at
)
VALUES (
    :id, :lane, :name, :queue, :priority, :partition_key, :state, :run_at, :payload, :metadata, :tags, :max_attempts,
    :max_crashes, :timeout, :backoff, :unique_key, :unique_for, :keep_completed, :keep_failed, :schedule, :now, :now,
    :expires_at
)
