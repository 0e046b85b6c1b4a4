-- What a running job wants remembered; a stale claim changes nothing.
UPDATE jobq_job
SET
    message = CASE WHEN :percent IS NULL THEN message ELSE :message END,
    percent = ifnull(:percent, percent),
    checkpoint = ifnull(:checkpoint, checkpoint)
WHERE id = :id AND token = :token
