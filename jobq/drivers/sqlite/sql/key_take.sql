-- Take a unique key, unless another job holds it; changes one row or none.
INSERT INTO jobq_unique_key (name, key, job, until)
VALUES (:name, :key, :job, :until)
ON CONFLICT (name, key) DO UPDATE
SET job = excluded.job, until = excluded.until
WHERE jobq_unique_key.until <= :now OR jobq_unique_key.job = excluded.job
