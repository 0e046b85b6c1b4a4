-- A job leaves the table of live ones.
DELETE FROM jobq_job WHERE seq = :seq
