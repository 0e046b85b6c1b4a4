-- How many jobs of each queue are in each state, and the `run_at` that has waited longest.
SELECT
    queue,
    CASE WHEN state = 'scheduled' AND run_at <= :now THEN 'pending' ELSE state END AS state,
    count(*) AS jobs,
    min(run_at) AS oldest
FROM jobq_job
GROUP BY 1, 2
UNION ALL
SELECT queue, state, count(*), min(run_at)
FROM jobq_done
GROUP BY queue, state
ORDER BY 1, 2
