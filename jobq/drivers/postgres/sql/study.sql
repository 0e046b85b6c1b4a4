-- Settings for the rest of this transaction, which asks about many rows in ways that differ each time.
SELECT pg_catalog.count(pg_catalog.set_config(s.name, s.value, true)) FROM (VALUES
  ('plan_cache_mode', 'force_custom_plan'),
  ('enable_seqscan', 'on'), ('enable_bitmapscan', 'on'), ('enable_hashjoin', 'on'), ('enable_mergejoin', 'on'),
  ('jit', 'off'), ('search_path', 'pg_catalog'), ('TimeZone', 'UTC')
) AS s (name, value)
