-- A job that may be put back in line by hand.
SELECT seq, name, queue, priority, partition_key, unique_key, unique_for, created_at, 1 AS ended
FROM jobq_done
WHERE id = :id AND state IN ('failed', 'cancelled')
UNION ALL
SELECT seq, name, queue, priority, partition_key, unique_key, unique_for, created_at, 0 AS ended
FROM jobq_job
WHERE id = :id AND state IN ('retrying', 'scheduled')
