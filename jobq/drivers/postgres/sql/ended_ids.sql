-- Which of these ids belong to jobs that have ended.
SELECT d.id FROM jobq.done AS d
WHERE d.id = ANY (ARRAY(SELECT pg_catalog.json_array_elements_text(%(ids)s::json)))
