-- One migration at a time, whoever runs it; and rather give up than make everybody else wait behind it.
SELECT pg_catalog.pg_advisory_xact_lock(7146812351098112), pg_catalog.set_config('lock_timeout', '2s', true),
  pg_catalog.set_config('search_path', 'pg_catalog', true), pg_catalog.set_config('statement_timeout', '0', true)
