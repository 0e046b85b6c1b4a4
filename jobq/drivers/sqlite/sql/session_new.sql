-- A worker registers.
INSERT INTO jobq_session (id, info, state, processes, lease, started_at, lease_until)
VALUES (:id, :info, 'running', :processes, :lease, :now, :now + :lease)
