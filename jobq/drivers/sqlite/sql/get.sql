-- The job of exactly this id.
SELECT * FROM jobq_any WHERE id = :id
