-- The newest step that was applied, and the oldest step whose programs may still use this schema.
SELECT m.number, m.works_with FROM jobq.migration AS m ORDER BY m.number DESC LIMIT 1
