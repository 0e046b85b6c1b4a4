-- Jobs that ended in one state and fulfil every condition that is given, newest first. Keep the conditions like those
-- in find_live.sql.
SELECT j.seq
FROM jobq_done AS j
WHERE
    j.seq < :before
    AND j.state = :state
    AND (:names IS NULL OR EXISTS (SELECT 1 FROM json_each(:names) AS w WHERE j.name GLOB w.value))
    AND (:queues IS NULL OR EXISTS (SELECT 1 FROM json_each(:queues) AS w WHERE j.queue GLOB w.value))
    AND (:priority IS NULL OR j.priority = :priority)
    AND (:since IS NULL OR j.created_at >= :since)
    AND (:until IS NULL OR j.created_at < :until)
    AND (
        :tags IS NULL
        OR NOT EXISTS (
            SELECT 1 FROM json_each(:tags) AS w WHERE w.value NOT IN (SELECT value FROM json_each(j.tags))
        )
    )
    AND (
        :error IS NULL
        OR EXISTS (
            SELECT 1 FROM jobq_attempt AS a WHERE a.job = j.seq AND instr(a.type || ': ' || a.message, :error) > 0
        )
    )
    AND (:paths IS NULL OR jobq_payload_has(j.payload, :paths))
ORDER BY j.seq DESC
LIMIT :limit
