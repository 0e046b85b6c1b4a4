-- Every handler that some worker has registered.
SELECT info FROM jobq_handler ORDER BY name
