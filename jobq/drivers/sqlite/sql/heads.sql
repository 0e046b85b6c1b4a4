-- For each of these lanes, the instant at which its first waiting job is due; lanes in which nothing waits are left out.
-- One probe of the index per lane. Asking the table which lanes have something due would walk the lanes of all the
-- jobs that nobody here can run. LIMIT -1 takes nothing away, but has the probe made once and not again for the outer condition.
SELECT lane, head
FROM (
    SELECT
        wanted.value AS lane,
        (
            SELECT due_at
            FROM jobq_job
            WHERE lane = wanted.value AND due_at IS NOT NULL AND (expires_at IS NULL OR expires_at > :now)
            ORDER BY due_at
            LIMIT 1
        ) AS head
    FROM json_each(:lanes) AS wanted
    LIMIT -1
)
WHERE head IS NOT NULL
