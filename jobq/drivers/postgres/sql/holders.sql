-- Who holds these unique keys. The keys are those that were just found taken, so one without a holder here has
-- been freed meanwhile.
SELECT held.name, held.key, held.id, coalesce(held.until <= pg_catalog.clock_timestamp(), false) AS is_over
FROM pg_catalog.json_to_recordset(%(keys)s::json) AS wanted (name text, key text)
JOIN jobq.unique_key AS held ON held.name = wanted.name AND held.key = wanted.key
