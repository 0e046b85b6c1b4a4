-- Forget jobs that are not running, with all that belongs to them.
WITH asked AS (
  SELECT json_array_elements_text(%(ids)s::json) AS id
), waiting AS MATERIALIZED (
  SELECT j.id FROM jobq.job AS j JOIN asked ON asked.id = j.id WHERE j.session IS NULL ORDER BY j.id FOR UPDATE OF j
), live AS (
  DELETE FROM jobq.job AS j USING waiting WHERE j.id = waiting.id AND j.session IS NULL
  RETURNING j.id, j.seq, j.name, j.unique_key
), ended AS (
  DELETE FROM jobq.done AS d USING asked WHERE d.id = asked.id
  RETURNING d.id, d.seq, d.name, d.unique_key
), gone AS (
  SELECT * FROM live UNION ALL SELECT * FROM ended
), history AS (
  DELETE FROM jobq.attempt AS a USING gone WHERE a.job = gone.seq
), held AS (
  SELECT name, unique_key AS key, id FROM gone WHERE unique_key IS NOT NULL
  UNION ALL SELECT '', id, id FROM gone
), freed AS (
  DELETE FROM jobq.unique_key AS k USING held WHERE k.name = held.name AND k.key = held.key AND k.id = held.id
)
SELECT gone.id FROM gone
