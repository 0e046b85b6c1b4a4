-- A worker signs off.
DELETE FROM jobq_session WHERE id = :session
