-- What ended lately, by name, with the average and the 95th percentile of the times that jobs ran, in seconds. Jobs that
-- never ran count, but have no time.
WITH ended AS (
    SELECT name, state, (finished_at - started_at) / 1000000.0 AS took
    FROM jobq_done
    WHERE state IN ('completed', 'failed', 'cancelled') AND finished_at >= :since
),
ranked AS (
    SELECT
        name, state, took,
        row_number() OVER (PARTITION BY name, took IS NULL ORDER BY took) AS place,
        count(took) OVER (PARTITION BY name) AS timed
    FROM ended
)
SELECT
    name,
    sum(state = 'completed') AS completed,
    sum(state = 'failed') AS failed,
    sum(state = 'cancelled') AS cancelled,
    avg(took) AS average,
    max(CASE WHEN place = CAST(0.95 * (timed - 1) AS INTEGER) + 1 THEN took END) AS p95
FROM ranked
GROUP BY name
ORDER BY name
