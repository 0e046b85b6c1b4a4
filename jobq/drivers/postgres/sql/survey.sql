-- Every lane in which a job waits, and its first job: from lane to lane through the index, without reading what is
-- between. For a worker that knows nothing yet, and now and then for what fell through: a job that somebody had
-- locked, and let go without taking it.
WITH RECURSIVE step AS (
  (SELECT j.lane, j.queue, j.priority, j.name, j.partition_key, j.run_at, j.seq FROM jobq.job AS j
   WHERE j.state IN ('scheduled', 'pending', 'retrying') AND j.lane >= %(start)s
   ORDER BY j.lane, j.run_at, j.seq LIMIT 1)
  UNION ALL
  SELECT next.* FROM step
  CROSS JOIN LATERAL (
    SELECT j.lane, j.queue, j.priority, j.name, j.partition_key, j.run_at, j.seq FROM jobq.job AS j
    WHERE j.state IN ('scheduled', 'pending', 'retrying') AND j.lane > step.lane
    ORDER BY j.lane, j.run_at, j.seq LIMIT 1
  ) AS next
)
SELECT lane, queue, priority, name, partition_key, run_at, seq, run_at <= statement_timestamp() AS is_due
FROM step LIMIT %(most)s
