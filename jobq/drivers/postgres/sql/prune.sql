-- Forget some jobs that ended long enough ago, with all that belongs to them; not while a unique key is to hold.
WITH asked AS (
  SELECT a.state, statement_timestamp() - a.age * interval '1 second' AS before
  FROM json_to_recordset(%(ages)s::json) AS a (state text, age float8)
), old AS MATERIALIZED (
  SELECT d.seq FROM jobq.done AS d JOIN asked ON asked.state = d.state
  WHERE d.finished_at <= statement_timestamp() - %(youngest)s * interval '1 second'
    AND d.finished_at <= asked.before
    AND NOT EXISTS (
      SELECT FROM jobq.spec AS s
      WHERE s.seq = d.seq AND s.created_at + s.unique_for * interval '1 second' > statement_timestamp())
  LIMIT %(limit)s
  FOR UPDATE OF d SKIP LOCKED
), ended AS (
  DELETE FROM jobq.done AS d USING old WHERE d.seq = old.seq RETURNING d.seq
), gone AS (
  DELETE FROM jobq.spec AS s USING ended WHERE s.seq = ended.seq
  RETURNING s.seq, s.id, s.name, s.unique_key
), history AS (
  DELETE FROM jobq.attempt AS a USING gone WHERE a.job = gone.seq
), freed AS (
  DELETE FROM jobq.unique_key AS held USING gone
  WHERE gone.unique_key IS NOT NULL AND held.name = gone.name AND held.key = gone.unique_key AND held.id = gone.id
)
SELECT gone.id FROM gone
