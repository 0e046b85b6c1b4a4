-- The history of a job goes with it.
DELETE FROM jobq_attempt WHERE job = :seq
