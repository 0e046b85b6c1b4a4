-- Which of these ids are taken, by live jobs or by jobs that have ended and are kept.
SELECT s.id FROM jobq.spec AS s
WHERE s.id = ANY (ARRAY(SELECT pg_catalog.json_array_elements_text(%(ids)s::json)))
