-- The job that holds a unique key now; an ended one can only hold a key that has a term.
SELECT j.seq, j.id, j.name, j.state, j.unique_key, j.created_at
FROM jobq_unique_key AS k
JOIN jobq_job AS j ON j.seq = k.job
WHERE k.name = :name AND k.key = :key AND (k.until IS NULL OR k.until > :now)
UNION ALL
SELECT d.seq, d.id, d.name, d.state, d.unique_key, d.created_at
FROM jobq_unique_key AS k
JOIN jobq_done AS d ON d.seq = k.job
WHERE k.name = :name AND k.key = :key AND (k.until IS NULL OR k.until > :now)
