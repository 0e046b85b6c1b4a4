-- Put back what this session has claimed without getting to know of it: the reply to a claim was lost.
WITH moment AS MATERIALIZED (
  SELECT pg_current_xact_id() AS xid, clock_timestamp() AS now
), held AS (
  SELECT * FROM json_to_recordset(%(held)s::json) AS h (seq bigint, token bigint)
)
UPDATE jobq.job AS j SET
  state = 'pending', attempt = j.attempt - 1, token = NULL, session = NULL, started_at = NULL,
  updated_at = moment.now, ready_at = greatest(j.run_at, moment.now)
FROM moment
WHERE j.session = %(session)s AND NOT EXISTS (SELECT FROM held WHERE held.seq = j.seq AND held.token = j.token)
RETURNING j.seq
