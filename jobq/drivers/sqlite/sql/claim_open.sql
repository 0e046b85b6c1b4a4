-- The counters, for a session that is still registered: a worker that was given up must not claim any more.
SELECT token, lanes_pruned
FROM jobq_counter
WHERE EXISTS (SELECT 1 FROM jobq_session WHERE id = :session)
