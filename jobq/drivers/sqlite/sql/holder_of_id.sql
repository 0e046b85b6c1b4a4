-- The job of this id, live or ended.
SELECT seq, id, name, state, unique_key, created_at FROM jobq_job WHERE id = :id
UNION ALL
SELECT seq, id, name, state, unique_key, created_at FROM jobq_done WHERE id = :id
