-- Put back what this session has claimed without getting to know of it: the reply to a claim was lost.
WITH moment AS MATERIALIZED (
  SELECT pg_current_xact_id() AS xid, clock_timestamp() AS now
)
UPDATE jobq.job AS j SET
  state = 'pending', attempt = j.attempt - 1, token = NULL, session = NULL, started_at = NULL,
  updated_at = moment.now, ready_at = greatest(j.run_at, moment.now)
FROM moment
WHERE j.session = %(session)s
  AND NOT j.token::text = ANY (ARRAY(SELECT json_array_elements_text(%(held)s::json)))
RETURNING j.id
