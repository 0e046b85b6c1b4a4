-- A job leaves the table of ended ones.
DELETE FROM jobq_done WHERE seq = :seq
