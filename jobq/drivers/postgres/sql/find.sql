-- Jobs that match, newest first, from a place on. A filter that was not given is NULL, and the planner leaves out
-- what it cannot concern: with only final states, the live jobs are not looked at.
SELECT
  j.id, j.name, j.queue, j.state, j.priority, j.attempt, j.max_attempts, j.crashes, j.payload, j.result, j.percent,
  j.message, j.metadata, j.tags, j.unique_key, j.partition_key, j.run_at, j.created_at, j.updated_at, j.started_at,
  j.finished_at, j.expires_at, j.timeout,
  (SELECT json_agg(json_build_object(
     'attempt', a.attempt, 'type', a.type, 'message', a.message, 'traceback', a.traceback, 'at', a.at,
     'worker', a.worker) ORDER BY a.at, a.attempt)::text
   FROM jobq.attempt AS a WHERE a.job = j.seq),
  coalesce(j.worker, (SELECT s.name FROM jobq.session AS s WHERE s.number = j.session)),
  j.schedule, j.reason, j.max_crashes, j.backoff, j.losses, j.rounds, j.cancel_requested, j.seq
FROM jobq.jobs AS j
WHERE j.seq < %(below)s
  AND (%(live)s OR NOT j.live) AND (%(ended)s OR j.live)
  AND (%(states)s::text[] IS NULL OR j.state = ANY (%(states)s::text[]))
  AND (%(names)s::text[] IS NULL OR j.name LIKE ANY (%(names)s::text[]))
  AND (%(queues)s::text[] IS NULL OR j.queue LIKE ANY (%(queues)s::text[]))
  AND (%(priority)s::integer IS NULL OR j.priority = %(priority)s::integer)
  AND (%(tags)s::text[] IS NULL OR j.tags @> %(tags)s::text[])
  AND (%(since)s::timestamptz IS NULL OR j.created_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR j.created_at < %(until)s::timestamptz)
  AND (%(error)s::text IS NULL OR EXISTS (
    SELECT FROM jobq.attempt AS a
    WHERE a.job = j.seq AND position(%(error)s::text IN a.type || ': ' || a.message) > 0))
  AND (%(payload)s::json IS NULL OR NOT EXISTS (
    SELECT FROM json_to_recordset(%(payload)s::json) AS wanted (path text[], value text)
    WHERE NOT jobq.holds(j.payload, wanted.path, wanted.value)))
ORDER BY j.seq DESC
LIMIT %(limit)s OFFSET %(offset)s
