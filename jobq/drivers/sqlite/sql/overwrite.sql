-- Put another job in the place of one that waits: it keeps its id, its age, its place in the order of insertion and
-- its history, and starts anew: what the old one had got done means nothing to it.
UPDATE jobq_job
SET
    lane = :lane,
    name = :name,
    queue = :queue,
    priority = :priority,
    partition_key = :partition_key,
    state = :state,
    run_at = :run_at,
    payload = :payload,
    metadata = :metadata,
    tags = :tags,
    attempt = 0,
    crashes = 0,
    losses = 0,
    rounds = 0,
    alone = 0,
    percent = NULL,
    message = NULL,
    checkpoint = NULL,
    max_attempts = :max_attempts,
    max_crashes = :max_crashes,
    timeout = :timeout,
    backoff = :backoff,
    unique_key = :unique_key,
    unique_for = :unique_for,
    keep_completed = :keep_completed,
    keep_failed = :keep_failed,
    schedule = :schedule,
    updated_at = :now,
    expires_at = :expires_at
WHERE seq = :seq
