-- Free the keys among these whose time is over.
DELETE FROM jobq.unique_key AS held
USING pg_catalog.json_to_recordset(%(keys)s::json) AS wanted (name text, key text)
WHERE held.name = wanted.name AND held.key = wanted.key AND held.until <= pg_catalog.clock_timestamp()
