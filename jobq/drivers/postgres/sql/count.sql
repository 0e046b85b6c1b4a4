-- How many jobs match: the filters of `find_live.sql`.
SELECT count(*)
FROM jobq.jobs AS j
WHERE (%(live)s OR NOT j.live) AND (%(ended)s OR j.live)
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
