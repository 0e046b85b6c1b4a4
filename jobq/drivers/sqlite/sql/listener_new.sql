-- Somebody wants to be woken.
INSERT INTO jobq_listener (address) VALUES (:address) ON CONFLICT DO NOTHING
