-- Every handler that some worker has declared, in its newest declaration.
SELECT h.info FROM jobq.handler AS h ORDER BY h.name
