-- Jobs that ended in this state before that instant, unless they still hold a unique key for a term.
SELECT seq, name, unique_key
FROM jobq_done AS d
WHERE
    state = :state
    AND finished_at <= :before
    AND NOT EXISTS (
        SELECT 1
        FROM jobq_unique_key AS k
        WHERE k.name = d.name AND k.key = d.unique_key AND k.job = d.seq AND k.until > :now
    )
ORDER BY finished_at
LIMIT :limit
