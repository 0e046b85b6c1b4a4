-- Every lane in which a job waits, and its first job: from lane to lane through the index, without reading what is
-- between. For a worker that knows nothing yet, and now and then for what fell through: a job that somebody had
-- locked, and let go without taking it.
WITH RECURSIVE step AS (
  (SELECT j.lane, j.queue, j.name, j.run_at, j.seq FROM jobq.job AS j
   WHERE j.state IN ('scheduled', 'pending', 'retrying') AND j.lane >= %(start)s
   ORDER BY j.lane, j.run_at, j.seq LIMIT 1)
  UNION ALL
  SELECT next.* FROM step
  CROSS JOIN LATERAL (
    SELECT j.lane, j.queue, j.name, j.run_at, j.seq FROM jobq.job AS j
    WHERE j.state IN ('scheduled', 'pending', 'retrying') AND j.lane > step.lane
    ORDER BY j.lane, j.run_at, j.seq LIMIT 1
  ) AS next
), found AS MATERIALIZED (
  SELECT * FROM step LIMIT %(most)s
)
SELECT found.lane, found.queue, s.priority, found.name, s.partition_key, found.run_at, found.seq,
  found.run_at <= statement_timestamp() AS is_due
FROM found JOIN jobq.spec AS s ON s.seq = found.seq
ORDER BY found.lane
