-- Forget jobs that are not running, with all that belongs to them.
WITH asked AS MATERIALIZED (
  SELECT s.seq FROM jobq.spec AS s
  WHERE s.id = ANY (ARRAY(SELECT json_array_elements_text(%(ids)s::json)))
), waiting AS MATERIALIZED (
  SELECT j.seq FROM asked JOIN jobq.job AS j ON j.seq = asked.seq WHERE j.session IS NULL
  ORDER BY j.seq
  FOR UPDATE OF j
), live AS (
  DELETE FROM jobq.job AS j USING waiting WHERE j.seq = waiting.seq AND j.session IS NULL RETURNING j.seq
), ended AS (
  DELETE FROM jobq.done AS d USING asked WHERE d.seq = asked.seq RETURNING d.seq
), gone AS (
  DELETE FROM jobq.spec AS s
  WHERE s.seq IN (SELECT live.seq FROM live UNION ALL SELECT ended.seq FROM ended)
  RETURNING s.seq, s.id, s.name, s.unique_key
), history AS (
  DELETE FROM jobq.attempt AS a USING gone WHERE a.job = gone.seq
), freed AS (
  DELETE FROM jobq.unique_key AS held USING gone
  WHERE gone.unique_key IS NOT NULL AND held.name = gone.name AND held.key = gone.unique_key AND held.id = gone.id
)
SELECT gone.id FROM gone
