-- A worker lives on, unless it has been given up: then nothing is changed.
UPDATE jobq_session SET lease_until = :now + lease WHERE id = :session
