-- Say for which job each of these keys, which this transaction holds, was taken; those without one are freed.
WITH kept AS (
  SELECT * FROM pg_catalog.json_to_recordset(%(keys)s::json) AS kept (name text, key text, id text)
), freed AS (
  DELETE FROM jobq.unique_key AS held USING kept
  WHERE held.name = kept.name AND held.key = kept.key AND kept.id IS NULL
)
UPDATE jobq.unique_key AS held SET id = kept.id FROM kept
WHERE held.name = kept.name AND held.key = kept.key AND held.id <> kept.id
