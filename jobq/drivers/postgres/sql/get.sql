-- One job by its exact id, with its errors in their order.
SELECT
  j.id, j.name, j.queue, j.state, j.priority, j.attempt, j.max_attempts, j.crashes, j.payload, j.result, j.percent,
  j.message, j.metadata, j.tags, j.unique_key, j.partition_key, j.run_at, j.created_at, j.updated_at, j.started_at,
  j.finished_at, j.expires_at, j.timeout,
  (SELECT json_agg(json_build_object(
     'attempt', a.attempt, 'type', a.type, 'message', a.message, 'traceback', a.traceback, 'at', a.at,
     'worker', a.worker) ORDER BY a.at, a.attempt)::text
   FROM jobq.attempt AS a WHERE a.job = j.seq),
  coalesce(j.worker, (SELECT s.name FROM jobq.session AS s WHERE s.number = j.session)),
  j.schedule, j.reason, j.max_crashes, j.backoff, j.losses, j.rounds, j.cancel_requested
FROM jobq.jobs AS j
WHERE j.id = %(id)s
