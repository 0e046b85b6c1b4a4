-- A job is handed out. The attempt counts from here on, so that one that kills its host is not free.
UPDATE jobq_job
SET
    state = 'running',
    attempt = attempt + 1,
    token = :token,
    session = :session,
    worker = :worker,
    started_at = :now,
    updated_at = :now
WHERE seq = :seq
