-- Take unique keys for new jobs, those that are free. Whoever wants the same key at the same time waits here until
-- it is known who has it; all take them in the same order, so that nobody waits in a circle.
INSERT INTO jobq.unique_key (name, key, id, until)
SELECT wanted.name, wanted.key, wanted.id,
  pg_catalog.clock_timestamp() + wanted.hold * interval '1 second'
FROM pg_catalog.json_to_recordset(%(keys)s::json) AS wanted (name text, key text, id text, hold float8)
ORDER BY wanted.name COLLATE "C", wanted.key COLLATE "C"
ON CONFLICT (name, key) DO NOTHING
RETURNING name, key
