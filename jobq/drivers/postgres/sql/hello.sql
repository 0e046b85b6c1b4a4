-- The first words on a new connection: who is there, and, if it is the server itself, settings for this session.
-- A pooler makes up the process id that it tells its clients, so that is how one is noticed; behind one, a session
-- belongs to everybody and nothing is set.
-- Planning a claim takes longer than the claim. So each verb is planned once for each connection; and because a plan
-- from the days when the tables were empty would read all of them for ever, only plans that go by index, row by row,
-- are allowed. For questions of people it is the other way round: see `study.sql`.
SELECT
  pg_catalog.pg_backend_pid() = %(pid)s AS is_direct,
  pg_catalog.current_setting('server_version_num')::integer AS version,
  pg_catalog.current_setting('server_encoding') AS encoding,
  CASE WHEN pg_catalog.pg_backend_pid() = %(pid)s THEN
    (SELECT pg_catalog.count(pg_catalog.set_config(s.name, s.value, false)) FROM (VALUES
      ('plan_cache_mode', 'force_generic_plan'),
      ('enable_seqscan', 'off'), ('enable_bitmapscan', 'off'), ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'),
      ('jit', 'off'), ('search_path', 'pg_catalog'), ('TimeZone', 'UTC'),
      ('default_transaction_isolation', 'read committed'), ('default_transaction_deferrable', 'off')
    ) AS s (name, value))
  END AS settings
