-- What was posted to a worker, oldest first.
SELECT number, kind, job_id, value, reason FROM jobq_control WHERE session = :session ORDER BY number
