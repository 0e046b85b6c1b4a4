-- The first words on a new connection: who is there, and, if it is the server itself, settings for this session.
-- A pooler makes up the process id that it tells its clients, so that is how one is noticed; behind one, a session
-- belongs to everybody and nothing is set. Plans are made for the parameters at hand: a plan kept from the days when
-- the table was empty would read all of it.
SELECT
  pg_catalog.pg_backend_pid() = %(pid)s AS is_direct,
  pg_catalog.current_setting('server_version_num')::integer AS version,
  pg_catalog.current_setting('server_encoding') AS encoding,
  CASE WHEN pg_catalog.pg_backend_pid() = %(pid)s THEN
    pg_catalog.set_config('plan_cache_mode', 'force_custom_plan', false)
    || pg_catalog.set_config('default_transaction_isolation', 'read committed', false)
    || pg_catalog.set_config('default_transaction_deferrable', 'off', false)
    || pg_catalog.set_config('search_path', 'pg_catalog', false)
    || pg_catalog.set_config('jit', 'off', false)
    || pg_catalog.set_config('TimeZone', 'UTC', false)
  END AS settings
