-- What a worker is doing, for people who look.
UPDATE jobq_session SET state = :state, processes = :processes WHERE id = :session
