-- The settings of a session for one transaction, for connections that are shared by way of a pooler.
SELECT pg_catalog.count(pg_catalog.set_config(s.name, s.value, true)) FROM (VALUES
  ('jit', 'off'), ('search_path', 'pg_catalog'), ('TimeZone', 'UTC')
) AS s (name, value)
