-- The same settings for one transaction, for connections that are shared by way of a pooler.
SELECT
  pg_catalog.set_config('search_path', 'pg_catalog', true),
  pg_catalog.set_config('jit', 'off', true),
  pg_catalog.set_config('TimeZone', 'UTC', true)
