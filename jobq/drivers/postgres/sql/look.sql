-- What has come into line since the last look, by lane; and how many seconds it is until the next job of this demand
-- falls due, among the first hundred to come. `since` and `open` are explained in `horizon.py`.
WITH late AS MATERIALIZED (
  SELECT min(was.seen) AS seen FROM json_to_recordset(%(open)s::json) AS was (xid xid8, seen timestamptz)
  WHERE pg_visible_in_snapshot(was.xid, pg_current_snapshot())
), came AS MATERIALIZED (
  SELECT j.lane, j.queue, j.name, j.run_at, j.seq FROM jobq.job AS j
  WHERE j.state IN ('scheduled', 'pending', 'retrying')
    AND j.ready_at > least(%(since)s, (SELECT late.seen FROM late)) AND j.ready_at <= statement_timestamp()
  ORDER BY j.ready_at
  LIMIT %(most)s
), news AS (
  SELECT lane, queue, name, count(*) AS jobs,
    min(run_at) AS first_at, min(seq) AS first, max(run_at) AS last_at, max(seq) AS last
  FROM came GROUP BY lane, queue, name
), soon AS (
  SELECT j.ready_at, j.queue, j.name, j.expires_at FROM jobq.job AS j
  WHERE j.state IN ('scheduled', 'pending', 'retrying') AND j.ready_at > statement_timestamp()
  ORDER BY j.ready_at
  LIMIT 100
)
SELECT
  statement_timestamp(), pg_current_snapshot()::text,
  (SELECT date_part('epoch', min(soon.ready_at) - statement_timestamp()) FROM soon
   WHERE soon.name = ANY (ARRAY(SELECT json_array_elements_text(%(names)s::json)))
     AND (%(queues)s::text = '[]' OR soon.queue = ANY (ARRAY(SELECT json_array_elements_text(%(queues)s::text::json))))
     AND NOT soon.queue = ANY (ARRAY(SELECT json_array_elements_text(%(exclude)s::json)))
     AND (soon.expires_at IS NULL OR soon.expires_at > statement_timestamp())),
  news.lane, news.queue, s.priority, news.name, s.partition_key, news.jobs,
  news.first_at, news.first, news.last_at, news.last
FROM (VALUES (1)) AS always (row) LEFT JOIN (news JOIN jobq.spec AS s ON s.seq = news.first) ON true
ORDER BY news.first
