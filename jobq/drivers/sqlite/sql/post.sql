-- A message for a worker, if there is such a worker.
INSERT INTO jobq_control (session, kind, job_id, value, reason)
SELECT id, :kind, :job_id, :value, :reason
FROM jobq_session
WHERE id = :session
