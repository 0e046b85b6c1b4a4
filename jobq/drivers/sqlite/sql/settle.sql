-- The running job of this claim, and of no other: an older token finds nothing, and so changes nothing.
SELECT
    seq, name, run_at, attempt, crashes, losses, alone, worker, unique_key, unique_for, cancel_requested, cancel_reason
FROM jobq_job
WHERE id = :id AND token = :token
