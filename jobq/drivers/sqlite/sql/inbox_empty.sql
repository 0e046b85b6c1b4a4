-- Messages that have been read, or will never be.
DELETE FROM jobq_control WHERE session = :session
