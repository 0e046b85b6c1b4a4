-- Nobody will read these messages any more.
DELETE FROM jobq_control WHERE session NOT IN (SELECT id FROM jobq_session)
