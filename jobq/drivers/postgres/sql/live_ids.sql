-- Which of these ids belong to live jobs. The lock keeps such a job from ending before the answer is used; one that
-- is just ending is waited for, and then found in the next statement among those that have ended.
SELECT j.id FROM jobq.job AS j
WHERE j.id = ANY (ARRAY(SELECT pg_catalog.json_array_elements_text(%(ids)s::json)))
ORDER BY j.id FOR KEY SHARE
