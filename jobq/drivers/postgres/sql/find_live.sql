-- Live jobs that match, newest first, from a place on. A filter that was not given is NULL, and the planner leaves
-- it out. `find_done.sql` is the same for jobs that have ended: each reads its own index from the end, which a union
-- of both would not.
SELECT
  s.id, j.name, j.queue,
  CASE WHEN j.state = 'scheduled' AND j.run_at <= statement_timestamp() THEN 'pending' ELSE j.state END,
  s.priority, j.attempt, s.max_attempts, j.crashes, s.payload, NULL::text, j.percent,
  j.message, s.metadata, s.tags, s.unique_key, s.partition_key, j.run_at, s.created_at, j.updated_at, j.started_at,
  NULL::timestamptz, j.expires_at, s.timeout,
  (SELECT json_agg(json_build_object(
     'attempt', a.attempt, 'type', a.type, 'message', a.message, 'traceback', a.traceback, 'at', a.at,
     'worker', a.worker) ORDER BY a.at, a.attempt)::text
   FROM jobq.attempt AS a WHERE a.job = j.seq),
  (SELECT w.name FROM jobq.session AS w WHERE w.number = j.session),
  s.schedule, NULL::text, s.max_crashes, s.backoff, j.losses, j.rounds, j.cancel_requested, j.seq
FROM jobq.job AS j JOIN jobq.spec AS s ON s.seq = j.seq
WHERE j.seq < %(below)s
  AND (%(states)s::text[] IS NULL
    OR CASE WHEN j.state = 'scheduled' AND j.run_at <= statement_timestamp() THEN 'pending' ELSE j.state END
      = ANY (%(states)s::text[]))
  AND (%(names)s::text[] IS NULL OR j.name LIKE ANY (%(names)s::text[]))
  AND (%(queues)s::text[] IS NULL OR j.queue LIKE ANY (%(queues)s::text[]))
  AND (%(priority)s::integer IS NULL OR s.priority = %(priority)s::integer)
  AND (%(tags)s::text[] IS NULL OR s.tags @> %(tags)s::text[])
  AND (%(since)s::timestamptz IS NULL OR s.created_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR s.created_at < %(until)s::timestamptz)
  AND (%(error)s::text IS NULL OR EXISTS (
    SELECT FROM jobq.attempt AS a
    WHERE a.job = j.seq AND position(%(error)s::text IN a.type || ': ' || a.message) > 0))
  AND (%(payload)s::json IS NULL OR NOT EXISTS (
    SELECT FROM json_to_recordset(%(payload)s::json) AS wanted (path text[], value text)
    WHERE NOT jobq.holds(s.payload, wanted.path, wanted.value)))
ORDER BY j.seq DESC
LIMIT %(limit)s
