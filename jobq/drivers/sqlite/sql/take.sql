-- The oldest due jobs of a lane. What has expired is left to the duty that cancels it.
SELECT due_at, seq
FROM jobq_job
WHERE lane = :lane AND due_at <= :now AND (expires_at IS NULL OR expires_at > :now)
ORDER BY due_at, seq
LIMIT :take
