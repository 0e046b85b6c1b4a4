-- Forget some jobs that ended long enough ago, with all that belongs to them; not while a unique key is to hold.
WITH asked AS (
  SELECT a.state, statement_timestamp() - a.age * interval '1 second' AS before
  FROM json_to_recordset(%(ages)s::json) AS a (state text, age float8)
), old AS MATERIALIZED (
  SELECT d.id FROM jobq.done AS d JOIN asked ON asked.state = d.state
  WHERE d.finished_at <= statement_timestamp() - %(youngest)s * interval '1 second'
    AND d.finished_at <= asked.before
    AND (d.unique_for IS NULL OR d.created_at + d.unique_for * interval '1 second' <= statement_timestamp())
  LIMIT %(limit)s
  FOR UPDATE OF d SKIP LOCKED
), gone AS (
  DELETE FROM jobq.done AS d USING old WHERE d.id = old.id
  RETURNING d.id, d.seq, d.name, d.unique_key
), history AS (
  DELETE FROM jobq.attempt AS a USING gone WHERE a.job = gone.seq
), held AS (
  SELECT name, unique_key AS key, id FROM gone WHERE unique_key IS NOT NULL
  UNION ALL SELECT '', id, id FROM gone
), freed AS (
  DELETE FROM jobq.unique_key AS k USING held WHERE k.name = held.name AND k.key = held.key AND k.id = held.id
)
SELECT gone.id FROM gone
