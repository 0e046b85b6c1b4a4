-- The newest declaration of a handler counts.
INSERT INTO jobq_handler (name, info, registered_at)
VALUES (:name, :info, :now)
ON CONFLICT (name) DO UPDATE SET info = excluded.info, registered_at = excluded.registered_at
